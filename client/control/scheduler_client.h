// The scheduler as its clients and members see it.
//
// Thread-safe. Every call has a deadline. UNAVAILABLE: nobody answers.
#ifndef HAWSER_CLIENT_CONTROL_SCHEDULER_CLIENT_H_
#define HAWSER_CLIENT_CONTROL_SCHEDULER_CLIENT_H_

#include "absl/status/statusor.h"
#include "proto/scheduler.pb.h"

namespace hawser {

class SchedulerClient {
 public:
  virtual ~SchedulerClient() = default;

  virtual absl::StatusOr<SubmitJobResponse> SubmitJob(
      const SubmitJobRequest& request) = 0;
  virtual absl::StatusOr<GetJobResponse> GetJob(
      const GetJobRequest& request) = 0;
  virtual absl::StatusOr<ListJobsResponse> ListJobs(
      const ListJobsRequest& request) = 0;
  virtual absl::StatusOr<CancelJobResponse> CancelJob(
      const CancelJobRequest& request) = 0;
  virtual absl::StatusOr<ChangeJobResponse> ChangeJob(
      const ChangeJobRequest& request) = 0;
  virtual absl::StatusOr<GetJobLogResponse> GetJobLog(
      const GetJobLogRequest& request) = 0;
  virtual absl::StatusOr<ListNodesResponse> ListNodes(
      const ListNodesRequest& request) = 0;
  virtual absl::StatusOr<DrainNodeResponse> DrainNode(
      const DrainNodeRequest& request) = 0;
  virtual absl::StatusOr<GetVersionResponse> GetVersion(
      const GetVersionRequest& request) = 0;
  virtual absl::StatusOr<StartTraceResponse> StartTrace(
      const StartTraceRequest& request) = 0;
  virtual absl::StatusOr<GetTraceResponse> GetTrace(
      const GetTraceRequest& request) = 0;

  virtual absl::StatusOr<RegisterResponse> Register(
      const RegisterRequest& request) = 0;
  virtual absl::StatusOr<HeartbeatResponse> Heartbeat(
      const HeartbeatRequest& request) = 0;
  virtual absl::StatusOr<ReportResponse> Report(
      const ReportRequest& request) = 0;
  virtual absl::StatusOr<AddSpansResponse> AddSpans(
      const AddSpansRequest& request) = 0;
  virtual absl::StatusOr<DeregisterResponse> Deregister(
      const DeregisterRequest& request) = 0;
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_CONTROL_SCHEDULER_CLIENT_H_
