// One worker's part of one incarnation of a job, phase by phase.
//
// In a phase in which it has the same micro-batches in every step:
//
//   pull version t
//   t ends an epoch: evaluate this worker's share of the validation data,
//     report it, wait for the answer
//   t == total steps: the first worker reports the hash of the parameters; end
//   gradients of micro-batches [first, last) of step t, summed in the tree
//   push; t + 1
//
// In a phase in which work is leased: leased_work.h.
//
// Not thread-safe, except Cancel.
#ifndef HAWSER_WORKER_TRAINING_RUN_H_
#define HAWSER_WORKER_TRAINING_RUN_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "client/data_plane/parameter_client.h"
#include "common/job/step_schedule.h"
#include "proto/plan.pb.h"
#include "worker/data/dataset.h"
#include "worker/gradient_sum.h"
#include "worker/leased_work.h"
#include "worker/model/model.h"
#include "worker/step_work.h"
#include "worker/surroundings.h"

namespace hawser {

class TrainingRun {
 public:
  // data, model and surroundings outlive the run. node: this worker, one of
  // plan.workers, of which the others do not matter. attempt: rises with every
  // run of this worker.
  TrainingRun(const Plan& plan, uint64_t node, uint64_t attempt,
              const Dataset* data, Model* model,
              const Surroundings* surroundings);

  // From the step that every server has completed to the job's end. CANCELLED:
  // Cancel was called. Other errors: a server did not answer as it should; a
  // new run with the newest plan may do better.
  absl::Status Run();

  // Ends Run soon. Any thread.
  void Cancel();

 private:
  absl::Status RunPhases(uint64_t step);
  // What two losses in a row may have left over of the step before `step`: an
  // epoch's validation, of which the step itself does not tell.
  absl::Status FinishBefore(uint64_t step);
  // From `step` to the end of its phase, which it returns.
  absl::StatusOr<uint64_t> RunStatic(uint64_t step);
  absl::Status ComputeAndPush(uint64_t step);
  absl::Status Validate(uint64_t step);

  const Plan plan_;
  const StepSchedule schedule_;
  ParameterClient client_;
  StepWork work_;
  GradientSum sum_;
  std::vector<float> theta_;
  LeasedWork leased_work_;
  // This worker's static work: micro-batches [first, last) of every step.
  uint32_t first_ = 0;
  uint32_t last_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_TRAINING_RUN_H_
