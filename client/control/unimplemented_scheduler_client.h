// A scheduler that answers nothing, for tests that answer some calls.
#ifndef HAWSER_CLIENT_CONTROL_UNIMPLEMENTED_SCHEDULER_CLIENT_H_
#define HAWSER_CLIENT_CONTROL_UNIMPLEMENTED_SCHEDULER_CLIENT_H_

#include "client/control/scheduler_client.h"

namespace hawser {

class UnimplementedSchedulerClient : public SchedulerClient {
 public:
  absl::StatusOr<SubmitJobResponse> SubmitJob(
      const SubmitJobRequest&) override {
    return absl::UnimplementedError("SubmitJob");
  }
  absl::StatusOr<GetJobResponse> GetJob(const GetJobRequest&) override {
    return absl::UnimplementedError("GetJob");
  }
  absl::StatusOr<ListJobsResponse> ListJobs(const ListJobsRequest&) override {
    return absl::UnimplementedError("ListJobs");
  }
  absl::StatusOr<CancelJobResponse> CancelJob(
      const CancelJobRequest&) override {
    return absl::UnimplementedError("CancelJob");
  }
  absl::StatusOr<ChangeJobResponse> ChangeJob(
      const ChangeJobRequest&) override {
    return absl::UnimplementedError("ChangeJob");
  }
  absl::StatusOr<GetJobLogResponse> GetJobLog(
      const GetJobLogRequest&) override {
    return absl::UnimplementedError("GetJobLog");
  }
  absl::StatusOr<ListNodesResponse> ListNodes(
      const ListNodesRequest&) override {
    return absl::UnimplementedError("ListNodes");
  }
  absl::StatusOr<DrainNodeResponse> DrainNode(
      const DrainNodeRequest&) override {
    return absl::UnimplementedError("DrainNode");
  }
  absl::StatusOr<StartTraceResponse> StartTrace(
      const StartTraceRequest&) override {
    return absl::UnimplementedError("StartTrace");
  }
  absl::StatusOr<GetTraceResponse> GetTrace(const GetTraceRequest&) override {
    return absl::UnimplementedError("GetTrace");
  }
  absl::StatusOr<GetVersionResponse> GetVersion(
      const GetVersionRequest&) override {
    return absl::UnimplementedError("GetVersion");
  }
  absl::StatusOr<RegisterResponse> Register(const RegisterRequest&) override {
    return absl::UnimplementedError("Register");
  }
  absl::StatusOr<HeartbeatResponse> Heartbeat(
      const HeartbeatRequest&) override {
    return absl::UnimplementedError("Heartbeat");
  }
  absl::StatusOr<ReportResponse> Report(const ReportRequest&) override {
    return absl::UnimplementedError("Report");
  }
  absl::StatusOr<AddSpansResponse> AddSpans(const AddSpansRequest&) override {
    return absl::UnimplementedError("AddSpans");
  }
  absl::StatusOr<DeregisterResponse> Deregister(
      const DeregisterRequest&) override {
    return absl::UnimplementedError("Deregister");
  }
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_CONTROL_UNIMPLEMENTED_SCHEDULER_CLIENT_H_
