#include "client/control/grpc_scheduler_client.h"

#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/control/failover_scheduler_client.h"
#include "common/grpc/grpc_caller.h"
#include "common/grpc/moving_peer.h"
#include "grpcpp/grpcpp.h"
#include "proto/scheduler.grpc.pb.h"

namespace hawser {
namespace {

// A call that waits for news gets this much on top of what it waits.
constexpr std::chrono::milliseconds kDeadline(5000);
constexpr int kMaxMessageBytes = 64 << 20;
// Members look for a scheduler that is not there yet.
constexpr int kFirstBackoffMs = 20;
constexpr int kLongestBackoffMs = 500;
// How long one attempt to connect may take on a busy machine.
constexpr int kConnectMs = 5000;

std::shared_ptr<grpc::Channel> Connect(const std::string& address,
                                       const GrpcCaller& caller) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstBackoffMs);
  LookUpAgainSoon(&arguments);
  ConnectWithin(kConnectMs, &arguments);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLongestBackoffMs);
  return caller.Connect(address, arguments);
}

class GrpcSchedulerClient : public SchedulerClient {
 public:
  GrpcSchedulerClient(const std::string& address,
                      std::shared_ptr<const GrpcCaller> caller)
      : address_(address),
        caller_(std::move(caller)),
        stub_(Scheduler::NewStub(Connect(address, *caller_))) {}

  absl::StatusOr<SubmitJobResponse> SubmitJob(
      const SubmitJobRequest& request) override {
    return Call(&Scheduler::Stub::SubmitJob, request, 0);
  }
  absl::StatusOr<GetJobResponse> GetJob(const GetJobRequest& request) override {
    return Call(&Scheduler::Stub::GetJob, request, request.wait_ms());
  }
  absl::StatusOr<ListJobsResponse> ListJobs(
      const ListJobsRequest& request) override {
    return Call(&Scheduler::Stub::ListJobs, request, 0);
  }
  absl::StatusOr<CancelJobResponse> CancelJob(
      const CancelJobRequest& request) override {
    return Call(&Scheduler::Stub::CancelJob, request, 0);
  }
  absl::StatusOr<ChangeJobResponse> ChangeJob(
      const ChangeJobRequest& request) override {
    return Call(&Scheduler::Stub::ChangeJob, request, 0);
  }
  absl::StatusOr<GetJobLogResponse> GetJobLog(
      const GetJobLogRequest& request) override {
    return Call(&Scheduler::Stub::GetJobLog, request, 0);
  }
  absl::StatusOr<ListNodesResponse> ListNodes(
      const ListNodesRequest& request) override {
    return Call(&Scheduler::Stub::ListNodes, request, 0);
  }
  absl::StatusOr<DrainNodeResponse> DrainNode(
      const DrainNodeRequest& request) override {
    return Call(&Scheduler::Stub::DrainNode, request, 0);
  }
  absl::StatusOr<GetVersionResponse> GetVersion(
      const GetVersionRequest& request) override {
    return Call(&Scheduler::Stub::GetVersion, request, 0);
  }
  absl::StatusOr<StartTraceResponse> StartTrace(
      const StartTraceRequest& request) override {
    return Call(&Scheduler::Stub::StartTrace, request, 0);
  }
  absl::StatusOr<GetTraceResponse> GetTrace(
      const GetTraceRequest& request) override {
    return Call(&Scheduler::Stub::GetTrace, request, request.wait_ms());
  }
  absl::StatusOr<AddSpansResponse> AddSpans(
      const AddSpansRequest& request) override {
    return Call(&Scheduler::Stub::AddSpans, request, 0);
  }
  absl::StatusOr<RegisterResponse> Register(
      const RegisterRequest& request) override {
    return Call(&Scheduler::Stub::Register, request, 0);
  }
  absl::StatusOr<HeartbeatResponse> Heartbeat(
      const HeartbeatRequest& request) override {
    return Call(&Scheduler::Stub::Heartbeat, request, request.wait_ms());
  }
  absl::StatusOr<ReportResponse> Report(const ReportRequest& request) override {
    return Call(&Scheduler::Stub::Report, request, 0);
  }
  absl::StatusOr<DeregisterResponse> Deregister(
      const DeregisterRequest& request) override {
    return Call(&Scheduler::Stub::Deregister, request, 0);
  }

 private:
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(
      grpc::Status (Scheduler::Stub::*method)(grpc::ClientContext*,
                                              const Request&, Response*),
      const Request& request, uint32_t wait_ms) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kDeadline +
                         std::chrono::milliseconds(wait_ms));
    caller_->Sign(address_, &context);
    Response response;
    const grpc::Status status =
        ((*stub_).*method)(&context, request, &response);
    if (status.ok()) return response;
    // A scheduler that stops cancels what it has not answered; nobody else
    // cancels these calls.
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE ||
        status.error_code() == grpc::StatusCode::CANCELLED ||
        status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
      return absl::UnavailableError(absl::StrCat(
          "no scheduler answers at ", address_, " (", status.error_message(),
          "); start one with `hawser up`, or name another with "
          "--scheduler"));
    }
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                        status.error_message());
  }

  const std::string address_;
  const std::shared_ptr<const GrpcCaller> caller_;
  const std::unique_ptr<Scheduler::Stub> stub_;
};

}  // namespace

std::unique_ptr<SchedulerClient> MakeGrpcSchedulerClient(
    const std::string& addresses, std::shared_ptr<const GrpcCaller> caller) {
  if (caller == nullptr) caller = std::make_shared<GrpcCaller>();
  std::vector<std::unique_ptr<SchedulerClient>> clients;
  for (const auto address : absl::StrSplit(addresses, ',')) {
    clients.push_back(
        std::make_unique<GrpcSchedulerClient>(std::string(address), caller));
  }
  if (clients.size() == 1) return std::move(clients[0]);
  return MakeFailoverSchedulerClient(std::move(clients));
}

}  // namespace hawser
