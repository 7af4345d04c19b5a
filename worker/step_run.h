// A run of micro-batches of a step that is made once: each layer is computed
// when its parameters are there, and pushed when its gradient is final, while
// the others are on their way or being computed.
//
//   micro-batches but the last -> summed in the tree (gradient_sum.h)
//   partial sums that the last one does not change -> pushed
//   the last one, layer by layer -> added, pushed
//   layer 0 -> pushed when the sums over the samples are known, too
//
// A job that skips steps (GuardsSpec) pushes when all micro-batches are known
// to be finite.
//
// Not thread-safe.
#ifndef HAWSER_WORKER_STEP_RUN_H_
#define HAWSER_WORKER_STEP_RUN_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/data_plane/parameter_client.h"
#include "common/clock.h"
#include "common/job/job_codecs.h"
#include "common/shared_memory.h"
#include "proto/plan.pb.h"
#include "worker/gradient_sum.h"
#include "worker/model/model.h"
#include "worker/step_work.h"

namespace hawser {

class StepRun {
 public:
  // memory: as for GradientSum. All outlive it. Buffers are kept from run to
  // run; those of a run are in use until its pushes have been answered.
  StepRun(const Plan& plan, StepWork* work, ParameterClient* client,
          const Clock* clock, SharedMemory* memory);

  struct Answer {
    bool acks = false;  // to be awaited
    // Version step + 1 of every block follows, into theta.
    bool next_version = false;
    ParameterClient::Floats next = ParameterClient::Floats::kByCodec;
  };

  // Computes micro-batches [first, last) of `step`, first < last, and pushes
  // their sum. theta: [parameters], being pulled at version `step`. Returns how
  // long it computed, without waiting; or an error of the client, then theta is
  // undefined.
  absl::StatusOr<absl::Duration> Do(uint64_t step, uint32_t first,
                                    uint32_t last, Parameters theta,
                                    Answer answer);

 private:
  class Layers;

  // Where nothing leaves before all is known to be good. is_void: it is not.
  void PushAll(uint64_t step, bool is_void, Answer answer);

  const Plan plan_;
  StepWork* const work_;
  ParameterClient* const client_;
  const Clock* const clock_;
  const JobCodecs codecs_;
  GradientSum sum_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_STEP_RUN_H_
