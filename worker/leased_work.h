// A worker's part of a phase in which work is leased as workers go
// (server/state/micro_batch_leases.h): asks the server of block 0, does what it
// is told, reports, asks again.
//
//   once per step:  lease(step, micro-batches) -> pull that version, unless it
//                   is there; gradients, summed and pushed (step_run.h), acks
//   on arrival:     lease(micro-batches, clock) -> read at that clock;
//                   gradients, summed and pushed (arrival_run.h), acks
//
// A version that is past means that the step was made without this worker: the
// lease is given back. With a window (staleness_seconds) a lease is cut when so
// much time has passed since the read.
//
// Not thread-safe.
#ifndef HAWSER_WORKER_LEASED_WORK_H_
#define HAWSER_WORKER_LEASED_WORK_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "client/data_plane/parameter_client.h"
#include "common/job/step_schedule.h"
#include "proto/plan.pb.h"
#include "worker/arrival_run.h"
#include "worker/step_run.h"
#include "worker/step_work.h"
#include "worker/surroundings.h"

namespace hawser {

class LeasedWork {
 public:
  // All outlive it. theta: [parameters], of undefined content.
  // attempt: rises each time this worker begins, see LeaseRequest.
  LeasedWork(const Plan& plan, uint64_t attempt,
             const Surroundings* surroundings, ParameterClient* client,
             StepWork* work, StepRun* step_run, std::vector<float>* theta);

  // From `step` to the end of its phase, which it returns.
  absl::StatusOr<uint64_t> Run(uint64_t step);

 private:
  // How many micro-batches of the lease are done.
  absl::StatusOr<uint32_t> DoRun(const RunLease& lease);
  absl::StatusOr<uint32_t> OncePerStep(const RunLease& lease);
  absl::StatusOr<uint32_t> OnArrival(const RunLease& lease);
  absl::Status Validate(const ValidationLease& lease);
  absl::Status Hash(uint64_t step);
  absl::Status PullUnlessThere(uint64_t version,
                               ParameterClient::Floats floats);
  void Measure(absl::Duration computed, uint32_t micro_batches);
  bool on_arrival() const {
    return phase_->synchronisation().mode() != SYNCHRONOUS;
  }

  const Plan plan_;
  const uint64_t attempt_;
  const StepSchedule schedule_;
  const Surroundings* const surroundings_;
  ParameterClient* const client_;
  StepWork* const work_;
  StepRun* const step_run_;
  std::vector<float>* const theta_;
  Parameters parameters_;  // theta since it was pulled last
  ArrivalRun arrival_run_;
  const uint32_t micro_batches_;
  const Phase* phase_ = nullptr;
  std::optional<uint64_t> version_;  // of theta
  ParameterClient::Floats floats_ = ParameterClient::Floats::kByCodec;
  double seconds_ = 0;           // per micro-batch; 0: not measured
  uint64_t complete_steps_ = 0;  // everywhere, as far as is known
};

}  // namespace hawser

#endif  // HAWSER_WORKER_LEASED_WORK_H_
