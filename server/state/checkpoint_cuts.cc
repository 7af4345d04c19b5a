#include "server/state/checkpoint_cuts.h"

#include "common/job/checkpoint_steps.h"

namespace hawser {

uint64_t CheckpointCuts::Most(uint64_t position, uint64_t most,
                              const StepSchedule& schedule) const {
  const uint64_t end = position + most;
  for (uint64_t step = position / micro_batches_ + 1;
       step * micro_batches_ < end; ++step) {
    if (step == ordered_ || IsCheckpointDue(spec_, step, schedule)) {
      return step * micro_batches_ - position;
    }
  }
  return most;
}

void CheckpointCuts::Leased(Run run, uint64_t floor) {
  for (uint64_t step = run.position / micro_batches_ + 1;
       step * micro_batches_ < run.end(); ++step) {
    crossed_.insert(step);
  }
  crossed_.erase(crossed_.begin(),
                 crossed_.lower_bound(floor / micro_batches_));
}

bool CheckpointCuts::Order(uint64_t step) {
  ordered_ = step;
  return step == 0 || (step >= known_from_ && crossed_.count(step) == 0);
}

void CheckpointCuts::GoOnFrom(uint64_t position) {
  crossed_.clear();
  known_from_ = (position + micro_batches_ - 1) / micro_batches_;
}

}  // namespace hawser
