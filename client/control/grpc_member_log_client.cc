#include "client/control/grpc_member_log_client.h"

#include <atomic>
#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "common/grpc/grpc_caller.h"
#include "grpcpp/grpcpp.h"
#include "proto/member_log.grpc.pb.h"

namespace hawser {
namespace {

constexpr std::chrono::milliseconds kDeadline(5000);

class GrpcMemberLogClient : public MemberLogClient {
 public:
  GrpcMemberLogClient(const std::string& addresses,
                      std::shared_ptr<const GrpcCaller> caller)
      : caller_(std::move(caller)), addresses_(absl::StrSplit(addresses, ',')) {
    for (const std::string& address : addresses_) {
      stubs_.push_back(MemberLog::NewStub(
          caller_->Connect(address, grpc::ChannelArguments())));
    }
  }

  absl::StatusOr<AddLinesResponse> AddLines(
      const AddLinesRequest& request) override {
    return Call(&MemberLog::Stub::AddLines, request);
  }
  absl::StatusOr<GetLinesResponse> GetLines(
      const GetLinesRequest& request) override {
    return Call(&MemberLog::Stub::GetLines, request);
  }

 private:
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(
      grpc::Status (MemberLog::Stub::*method)(grpc::ClientContext*,
                                              const Request&, Response*),
      const Request& request) {
    grpc::Status status;
    for (size_t tries = 0; tries < stubs_.size(); ++tries) {
      const size_t current = current_.load();
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + kDeadline);
      caller_->Sign(addresses_[current], &context);
      Response response;
      status = (stubs_[current].get()->*method)(&context, request, &response);
      if (status.ok()) return response;
      if (status.error_code() != grpc::StatusCode::UNAVAILABLE) break;
      current_.store((current + 1) % stubs_.size());
    }
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                        status.error_message());
  }

  const std::shared_ptr<const GrpcCaller> caller_;
  const std::vector<std::string> addresses_;
  std::vector<std::unique_ptr<MemberLog::Stub>> stubs_;  // by address
  std::atomic<size_t> current_{0};                       // the one that answers
};

}  // namespace

std::unique_ptr<MemberLogClient> MakeGrpcMemberLogClient(
    const std::string& addresses, std::shared_ptr<const GrpcCaller> caller) {
  if (caller == nullptr) caller = std::make_shared<GrpcCaller>();
  return std::make_unique<GrpcMemberLogClient>(addresses, std::move(caller));
}

}  // namespace hawser
