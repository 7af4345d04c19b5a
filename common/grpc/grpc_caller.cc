#include "common/grpc/grpc_caller.h"

#include <utility>

#include "absl/strings/match.h"
#include "common/grpc/grpc_tls.h"
#include "common/grpc/socket_buffers.h"
#include "common/security/tls_files.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

bool IsUnix(const std::string& address) {
  return absl::StartsWith(address, "unix");
}

}  // namespace

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
  if (encrypts() && (!host.empty() || IsUnix(address))) {
    arguments.SetSslTargetNameOverride(host.empty() ? HostOfTarget(address)
                                                    : host);
  }
  return grpc::CreateCustomChannel(address,
                                   encrypts()
                                       ? MakeTlsChannelCredentials(*tls_)
                                       : grpc::InsecureChannelCredentials(),
                                   arguments);
}

void GrpcCaller::Sign(const std::string& address,
                      grpc::ClientContext* context) const {
  if (token_ == nullptr) return;
  if (!encrypts() && !IsOfThisHost(address)) return;
  context->AddMetadata("authorization", token_->Authorization());
}

std::string HostOfTarget(const std::string& address) {
  if (IsUnix(address)) return "localhost";
  std::string host = address.substr(0, address.rfind(':'));
  if (absl::StartsWith(host, "[") && absl::EndsWith(host, "]")) {
    host = host.substr(1, host.size() - 2);
  }
  return host;
}

}  // namespace hawser
