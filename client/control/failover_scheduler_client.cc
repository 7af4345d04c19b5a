#include "client/control/failover_scheduler_client.h"

#include <atomic>
#include <utility>

namespace hawser {
namespace {

class FailoverSchedulerClient : public SchedulerClient {
 public:
  explicit FailoverSchedulerClient(
      std::vector<std::unique_ptr<SchedulerClient>> schedulers)
      : schedulers_(std::move(schedulers)) {}

  absl::StatusOr<SubmitJobResponse> SubmitJob(
      const SubmitJobRequest& request) override {
    return CallOnce(&SchedulerClient::SubmitJob, request);
  }
  absl::StatusOr<GetJobResponse> GetJob(const GetJobRequest& request) override {
    return Call(&SchedulerClient::GetJob, request);
  }
  absl::StatusOr<ListJobsResponse> ListJobs(
      const ListJobsRequest& request) override {
    return Call(&SchedulerClient::ListJobs, request);
  }
  absl::StatusOr<CancelJobResponse> CancelJob(
      const CancelJobRequest& request) override {
    return CallOnce(&SchedulerClient::CancelJob, request);
  }
  absl::StatusOr<ChangeJobResponse> ChangeJob(
      const ChangeJobRequest& request) override {
    return CallOnce(&SchedulerClient::ChangeJob, request);
  }
  absl::StatusOr<GetJobLogResponse> GetJobLog(
      const GetJobLogRequest& request) override {
    return Call(&SchedulerClient::GetJobLog, request);
  }
  absl::StatusOr<ListNodesResponse> ListNodes(
      const ListNodesRequest& request) override {
    return Call(&SchedulerClient::ListNodes, request);
  }
  absl::StatusOr<DrainNodeResponse> DrainNode(
      const DrainNodeRequest& request) override {
    return Call(&SchedulerClient::DrainNode, request);
  }
  absl::StatusOr<GetVersionResponse> GetVersion(
      const GetVersionRequest& request) override {
    return Call(&SchedulerClient::GetVersion, request);
  }
  absl::StatusOr<StartTraceResponse> StartTrace(
      const StartTraceRequest& request) override {
    return CallOnce(&SchedulerClient::StartTrace, request);
  }
  absl::StatusOr<GetTraceResponse> GetTrace(
      const GetTraceRequest& request) override {
    return Call(&SchedulerClient::GetTrace, request);
  }
  absl::StatusOr<RegisterResponse> Register(
      const RegisterRequest& request) override {
    return Call(&SchedulerClient::Register, request);
  }
  absl::StatusOr<HeartbeatResponse> Heartbeat(
      const HeartbeatRequest& request) override {
    return Call(&SchedulerClient::Heartbeat, request);
  }
  absl::StatusOr<ReportResponse> Report(const ReportRequest& request) override {
    return Call(&SchedulerClient::Report, request);
  }
  absl::StatusOr<AddSpansResponse> AddSpans(
      const AddSpansRequest& request) override {
    return Call(&SchedulerClient::AddSpans, request);
  }
  absl::StatusOr<DeregisterResponse> Deregister(
      const DeregisterRequest& request) override {
    return Call(&SchedulerClient::Deregister, request);
  }

 private:
  template <typename Request, typename Response>
  using Method = absl::StatusOr<Response> (SchedulerClient::*)(const Request&);

  SchedulerClient* At(size_t number) const {
    return schedulers_[number % schedulers_.size()].get();
  }

  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(Method<Request, Response> method,
                                const Request& request) {
    for (size_t tried = 1;; ++tried) {
      size_t asked = leader_;
      auto response = (At(asked)->*method)(request);
      if (!absl::IsUnavailable(response.status())) return response;
      // Another thread may have gone on already.
      leader_.compare_exchange_strong(asked, asked + 1);
      if (tried == schedulers_.size()) return response;
    }
  }

  template <typename Request, typename Response>
  absl::StatusOr<Response> CallOnce(Method<Request, Response> method,
                                    const Request& request) {
    const auto leads = Call(&SchedulerClient::GetVersion, GetVersionRequest());
    if (!leads.ok()) return leads.status();
    return (At(leader_)->*method)(request);
  }

  const std::vector<std::unique_ptr<SchedulerClient>> schedulers_;
  std::atomic<size_t> leader_ = 0;  // who is asked first
};

}  // namespace

std::unique_ptr<SchedulerClient> MakeFailoverSchedulerClient(
    std::vector<std::unique_ptr<SchedulerClient>> schedulers) {
  return std::make_unique<FailoverSchedulerClient>(std::move(schedulers));
}

}  // namespace hawser
