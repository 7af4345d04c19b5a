// The scheduler as a process of the simulated cluster reaches it: over the
// network, with the deadlines of the real client.
//
// Not thread-safe; called on fibers of that process.
#ifndef HAWSER_TESTS_SIMULATION_SCHEDULER_LINK_H_
#define HAWSER_TESTS_SIMULATION_SCHEDULER_LINK_H_

#include <functional>

#include "absl/strings/string_view.h"
#include "client/control/scheduler_client.h"
#include "tests/simulation/directory.h"
#include "tests/simulation/invariants.h"
#include "tests/simulation/network.h"

namespace hawser::simulation {

class SchedulerLink : public SchedulerClient {
 public:
  // The pointers outlive the link.
  SchedulerLink(Network* network, const Directory* directory,
                Invariants* invariants, Process* process, Network::Loss loss)
      : network_(network),
        directory_(directory),
        invariants_(invariants),
        process_(process),
        loss_(loss) {}

  absl::StatusOr<SubmitJobResponse> SubmitJob(
      const SubmitJobRequest& request) override;
  absl::StatusOr<GetJobResponse> GetJob(const GetJobRequest& request) override;
  absl::StatusOr<ListJobsResponse> ListJobs(
      const ListJobsRequest& request) override;
  absl::StatusOr<CancelJobResponse> CancelJob(
      const CancelJobRequest& request) override;
  absl::StatusOr<ChangeJobResponse> ChangeJob(
      const ChangeJobRequest& request) override;
  absl::StatusOr<GetJobLogResponse> GetJobLog(
      const GetJobLogRequest& request) override;
  absl::StatusOr<ListNodesResponse> ListNodes(
      const ListNodesRequest& request) override;
  absl::StatusOr<DrainNodeResponse> DrainNode(
      const DrainNodeRequest& request) override;
  absl::StatusOr<GetVersionResponse> GetVersion(
      const GetVersionRequest& request) override;
  absl::StatusOr<StartTraceResponse> StartTrace(
      const StartTraceRequest& request) override;
  absl::StatusOr<GetTraceResponse> GetTrace(
      const GetTraceRequest& request) override;
  absl::StatusOr<AddSpansResponse> AddSpans(
      const AddSpansRequest& request) override;
  absl::StatusOr<RegisterResponse> Register(
      const RegisterRequest& request) override;
  absl::StatusOr<HeartbeatResponse> Heartbeat(
      const HeartbeatRequest& request) override;
  absl::StatusOr<ReportResponse> Report(const ReportRequest& request) override;
  absl::StatusOr<DeregisterResponse> Deregister(
      const DeregisterRequest& request) override;

 private:
  enum class Repeat { kNo, kYes };

  // `invoke` runs at the scheduler.
  template <typename Response>
  absl::StatusOr<Response> Call(absl::string_view name, uint32_t wait_ms,
                                Repeat repeat,
                                std::function<void(SchedulerDriver*, Response*,
                                                   SchedulerDriver::Completion)>
                                    invoke);
  // The same for what is answered at once.
  template <typename Response>
  absl::StatusOr<Response> CallAtOnce(
      absl::string_view name, Repeat repeat,
      std::function<absl::Status(SchedulerDriver*, Response*)> invoke);

  Network* const network_;
  const Directory* const directory_;
  Invariants* const invariants_;
  Process* const process_;
  const Network::Loss loss_;
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_SCHEDULER_LINK_H_
