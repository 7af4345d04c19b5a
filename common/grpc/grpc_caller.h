// How this process calls others over gRPC: by TLS or in plain text, and with
// which token.
#ifndef HAWSER_COMMON_GRPC_GRPC_CALLER_H_
#define HAWSER_COMMON_GRPC_GRPC_CALLER_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/security/bearer_token.h"
#include "common/security/tls_files.h"
#include "grpcpp/grpcpp.h"

namespace hawser {

// Starts nothing of gRPC before it connects: `hawser up` forks with one in its
// hands.
//
// Thread-safe. By default: in plain text and without a token.
class GrpcCaller {
 public:
  // Empty: none. NOT_FOUND, INVALID_ARGUMENT: as of TlsFilesIn, BearerToken.
  static absl::StatusOr<std::shared_ptr<const GrpcCaller>> Open(
      const std::string& tls_directory, const std::string& token_file);

  // A channel that connects when first used, to this host past any proxy that
  // http_proxy names. address: a gRPC target. host: of whom the certificate
  // must be, where it is not the host of the address (a unix socket has none).
  std::shared_ptr<grpc::Channel> Connect(const std::string& address,
                                         grpc::ChannelArguments arguments,
                                         const std::string& host = "") const;

  // What says who this is to whoever is at the address: "Bearer TOKEN". Empty:
  // there is no token, or it would leave the host without TLS.
  std::string AuthorizationFor(const std::string& address) const;
  // Adds it to a call.
  void Sign(const std::string& address, grpc::ClientContext* context) const;

  // Whether connections are by TLS.
  bool encrypts() const { return tls_.has_value(); }

 private:
  std::optional<TlsFiles> tls_;
  std::shared_ptr<const BearerToken> token_;  // may be null
};

}  // namespace hawser

#endif  // HAWSER_COMMON_GRPC_GRPC_CALLER_H_
