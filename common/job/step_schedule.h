// How a job's steps map to optimizer steps and epochs. A step is one exchange
// between workers and servers; with local_steps H > 1 it is up to H optimizer
// steps that each micro-batch takes on its own. Steps never cross the end of an
// epoch, of the job, or of a phase: the last one before it is shorter.
//
//   optimizer steps  0 1 2 3 4 | 5 6 7 8 9 | ...      an epoch of 5
//   steps, H = 2     0   1   2 | 3   4   5 | ...
//
// Thread-safe: immutable.
#ifndef HAWSER_COMMON_JOB_STEP_SCHEDULE_H_
#define HAWSER_COMMON_JOB_STEP_SCHEDULE_H_

#include <cstdint>
#include <vector>

#include "proto/plan.pb.h"

namespace hawser {

class StepSchedule {
 public:
  // optimizer_steps of the whole job, of which steps_per_epoch are an epoch;
  // both > 0. phases: not empty, the first from step 0, rising.
  StepSchedule(uint64_t optimizer_steps, uint64_t steps_per_epoch,
               const google::protobuf::RepeatedPtrField<Phase>& phases);
  explicit StepSchedule(const Plan& plan);

  uint64_t total_steps() const { return total_steps_; }
  uint64_t epochs() const;

  // The optimizer steps [first, first + count) of a step before the end.
  struct OptimizerSteps {
    uint64_t first = 0;
    uint64_t count = 1;
  };
  OptimizerSteps At(uint64_t step) const;

  // The epoch, from 0, that a step belongs to.
  uint64_t EpochOf(uint64_t step) const;
  // True if `version` steps are whole epochs, or the whole job.
  bool EndsEpoch(uint64_t version) const;
  // Epochs that are over after `version` steps, a last partial one included.
  uint64_t EpochsOver(uint64_t version) const;
  // The steps after which epoch number `epoch`, from 1, is over.
  uint64_t StepsAtEndOf(uint64_t epoch) const;

  // The phase of a step, and the step after its last.
  const Phase& PhaseOf(uint64_t step) const;
  size_t PhaseIndexOf(uint64_t step) const;
  uint64_t EndOfPhase(size_t index) const;
  const std::vector<Phase>& phases() const { return phases_; }
  // True if phase `index` of both is the same.
  bool SamePhase(const StepSchedule& other, size_t index) const;

 private:
  struct Start {
    uint64_t step = 0;
    uint64_t optimizer_step = 0;
    uint64_t local_steps = 1;
  };
  // Steps that take a phase from `start` to an optimizer step.
  uint64_t StepsUntil(const Start& start, uint64_t optimizer_step) const;
  uint64_t OptimizerStepsBefore(uint64_t step) const;

  uint64_t optimizer_steps_;
  uint64_t steps_per_epoch_;
  std::vector<Phase> phases_;
  std::vector<Start> starts_;  // one a phase that begins before the end
  uint64_t total_steps_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_STEP_SCHEDULE_H_
