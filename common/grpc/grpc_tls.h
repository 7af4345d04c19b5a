// TLS of gRPC from the files of --tls-dir. Files are looked at every second and
// a new certificate, key or authority is used from the next connection on;
// connections that are there stay.
#ifndef HAWSER_COMMON_GRPC_GRPC_TLS_H_
#define HAWSER_COMMON_GRPC_GRPC_TLS_H_

#include <memory>

#include "common/security/tls_files.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/server_credentials.h"

namespace hawser {

// Presents the certificate, which must be there. With an authority a client
// that presents a certificate must have one that it has signed; with
// require_certificate every client must.
std::shared_ptr<grpc::ServerCredentials> MakeTlsServerCredentials(
    const TlsFiles& files, bool require_certificate);

// Believes servers whose certificate the authority (without one: of the
// system's) has signed for the name they are called by, and presents its own,
// where it has one.
std::shared_ptr<grpc::ChannelCredentials> MakeTlsChannelCredentials(
    const TlsFiles& files);

}  // namespace hawser

#endif  // HAWSER_COMMON_GRPC_GRPC_TLS_H_
