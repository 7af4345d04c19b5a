#include "common/grpc/grpc_caller.h"

#include <utility>

#include "common/grpc/grpc_tls.h"
#include "common/grpc/target.h"
#include "common/security/tls_files.h"
#include "common/status_macros.h"

namespace hawser {

absl::StatusOr<std::shared_ptr<const GrpcCaller>> GrpcCaller::Open(
    const std::string& tls_directory, const std::string& token_file) {
  auto caller = std::make_shared<GrpcCaller>();
  if (!tls_directory.empty()) {
    ASSIGN_OR_RETURN(caller->tls_, TlsFilesIn(tls_directory));
  }
  if (!token_file.empty()) {
    ASSIGN_OR_RETURN(caller->token_, BearerToken::Open(token_file));
  }
  return caller;
}

std::shared_ptr<grpc::Channel> GrpcCaller::Connect(
    const std::string& address, grpc::ChannelArguments arguments,
    const std::string& host) const {
  if (encrypts() && (!host.empty() || IsUnixTarget(address))) {
    arguments.SetSslTargetNameOverride(host.empty() ? HostOfTarget(address)
                                                    : host);
  }
  if (IsOfThisHost(address)) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address,
                                   encrypts()
                                       ? MakeTlsChannelCredentials(*tls_)
                                       : grpc::InsecureChannelCredentials(),
                                   arguments);
}

std::string GrpcCaller::AuthorizationFor(const std::string& address) const {
  if (token_ == nullptr || (!encrypts() && !IsOfThisHost(address))) return "";
  return token_->Authorization();
}

void GrpcCaller::Sign(const std::string& address,
                      grpc::ClientContext* context) const {
  const std::string authorization = AuthorizationFor(address);
  if (!authorization.empty()) {
    context->AddMetadata("authorization", authorization);
  }
}

}  // namespace hawser
