#include "client/control/grpc_health_client.h"

#include "absl/strings/str_cat.h"
#include "common/grpc/grpc_caller.h"
#include "grpcpp/grpcpp.h"
#include "proto/health.grpc.pb.h"

namespace hawser {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

absl::StatusOr<bool> AskGrpcHealth(const std::string& address,
                                   absl::Duration timeout,
                                   const GrpcCaller& caller) {
  const auto stub =
      Health::NewStub(caller.Connect(address, grpc::ChannelArguments()));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  context.set_wait_for_ready(false);
  HealthCheckResponse response;
  const grpc::Status status =
      stub->Check(&context, HealthCheckRequest(), &response);
  if (status.ok()) {
    return response.status() == HealthCheckResponse::SERVING;
  }
  const bool unreachable =
      status.error_code() == grpc::StatusCode::UNAVAILABLE ||
      status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
  return absl::Status(
      unreachable ? absl::StatusCode::kUnavailable
                  : static_cast<absl::StatusCode>(status.error_code()),
      absl::StrCat(unreachable ? "nobody answers at "
                               : "no daemon of Hawser answers at ",
                   address, ": ", status.error_message()));
}

}  // namespace hawser
