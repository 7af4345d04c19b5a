// One worker's part of one incarnation of a job, phase by phase.
//
// In a phase in which it has the same micro-batches in every step:
//
//   ask for version t of every block
//   t ends an epoch, or is 0 and the job starts `from` something: await all of
//     it; evaluate this worker's share of the validation data, report it, wait
//     for the answer
//   t == total steps: the first worker reports the hash of the parameters; end
//   layer by layer, as blocks arrive: gradients of micro-batches [first, last)
//     of step t, summed in the tree and pushed, each push asking for version
//     t + 1 (step_run.h)
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
#include "worker/leased_work.h"
#include "worker/model/model.h"
#include "worker/step_run.h"
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
  ~TrainingRun() { work_.Unpin(); }

  // From the step that every server has completed to the job's end. CANCELLED:
  // Cancel was called. Other errors: a server did not answer as it should; a
  // new run with the newest plan may do better.
  absl::Status Run();
  // Run has reached every server.
  bool has_begun() const { return has_begun_; }

  // Ends Run soon. Any thread.
  void Cancel();

 private:
  absl::Status RunPhases(uint64_t step);
  // What two losses in a row may have left over of the step before `step`: an
  // epoch's validation, of which the step itself does not tell.
  absl::Status FinishBefore(uint64_t step);
  // From `step` to the end of its phase, which it returns.
  absl::StatusOr<uint64_t> RunStatic(uint64_t step);
  // Without work until `end`, which it returns when the step before is made.
  absl::StatusOr<uint64_t> IdleUntil(uint64_t step, uint64_t end);
  bool ValidatesAt(uint64_t step) const;
  absl::Status Validate(uint64_t step, Parameters theta);

  bool has_begun_ = false;
  const Plan plan_;
  const StepSchedule schedule_;
  StepWork work_;
  std::vector<float> theta_;
  StepRun step_run_;
  LeasedWork leased_work_;
  // This worker's static work: micro-batches [first, last) of every step.
  uint32_t first_ = 0;
  uint32_t last_ = 0;
  // The first to go: its threads use the buffers of the others.
  ParameterClient client_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_TRAINING_RUN_H_
