// A run of micro-batches whose push is applied on arrival: read, computed,
// summed in order, pushed.
//
// Each layer is computed when its parameters are there. It is pushed when its
// gradient is final, while earlier layers still compute; all at the end, where
// the run may be cut short (staleness_seconds) or its sum scaled down (the
// limit on the gradient's norm) until then.
//
// Not thread-safe.
#ifndef HAWSER_WORKER_ARRIVAL_RUN_H_
#define HAWSER_WORKER_ARRIVAL_RUN_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/data_plane/parameter_client.h"
#include "common/clock.h"
#include "common/shared_memory.h"
#include "proto/parameter_server.pb.h"
#include "proto/plan.pb.h"
#include "worker/step_work.h"

namespace hawser {

class ArrivalRun {
 public:
  // memory: as for GradientSum. All outlive it. Buffers are kept from run to
  // run.
  ArrivalRun(const Plan& plan, StepWork* work, ParameterClient* client,
             const Clock* clock, SharedMemory* memory);

  struct Outcome {
    uint32_t done = 0;        // micro-batches pushed and acknowledged
    absl::Duration computed;  // without waiting
  };
  // theta: [parameters], written to. phase: the step's.
  absl::StatusOr<Outcome> Do(const RunLease& lease, const Phase& phase,
                             float* theta);

 private:
  class Layers;

  bool MayPushEarly(const Phase& phase) const;

  const Plan plan_;
  StepWork* const work_;
  ParameterClient* const client_;
  const Clock* const clock_;
  const uint32_t micro_batches_;
  std::vector<float> gradient_;  // of one micro-batch
  SharedMemory* const memory_;
  SharedMemory::Floats total_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_ARRIVAL_RUN_H_
