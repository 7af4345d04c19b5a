// A ParameterChannel over one gRPC stream: TCP, with TLS or without, or a unix
// socket.
#ifndef HAWSER_CLIENT_DATA_PLANE_GRPC_PARAMETER_CHANNEL_H_
#define HAWSER_CLIENT_DATA_PLANE_GRPC_PARAMETER_CHANNEL_H_

#include <memory>
#include <string>

#include "client/data_plane/parameter_channel.h"
#include "grpcpp/security/credentials.h"

namespace hawser {

// address: a gRPC target, "HOST:PORT", "unix:/path" or "unix-abstract:NAME".
// credentials: null for none (neither encrypted nor authenticated). Connects
// when first used.
std::unique_ptr<ParameterChannel> MakeGrpcParameterChannel(
    const std::string& address,
    std::shared_ptr<grpc::ChannelCredentials> credentials = nullptr);

}  // namespace hawser

#endif  // HAWSER_CLIENT_DATA_PLANE_GRPC_PARAMETER_CHANNEL_H_
