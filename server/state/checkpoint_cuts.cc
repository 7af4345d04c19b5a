#include "server/state/checkpoint_cuts.h"

#include <algorithm>

#include "common/job/checkpoint_steps.h"

namespace hawser {

bool CheckpointCuts::IsCut(uint64_t step, const StepSchedule& schedule) const {
  return ordered_.count(step) != 0 || IsCheckpointDue(spec_, step, schedule);
}

uint64_t CheckpointCuts::End(uint64_t end, const StepSchedule& schedule) {
  while (next_ * micro_batches_ < end && !IsCut(next_, schedule)) ++next_;
  return std::min(end, next_ * micro_batches_);
}

void CheckpointCuts::Leased(Run run) {
  leased_end_ = std::max(leased_end_, run.end());
  ordered_.erase(
      ordered_.begin(),
      ordered_.lower_bound((run.end() + micro_batches_ - 1) / micro_batches_));
}

void CheckpointCuts::Counted(uint64_t floor) {
  complete_ = floor / micro_batches_;
  ordered_.erase(ordered_.begin(), ordered_.upper_bound(complete_));
  next_ = std::max(next_, complete_ + 1);
}

bool CheckpointCuts::Order(uint64_t step) {
  if (step == 0 || ordered_.count(step) != 0) return true;
  if (step <= complete_ || step * micro_batches_ < leased_end_ ||
      ordered_.size() == kMostOrdered) {
    return false;
  }
  ordered_.insert(step);
  next_ = std::min(next_, step);
  return true;
}

void CheckpointCuts::GoOnFrom(uint64_t position) {
  Counted(position);
  leased_end_ = position;
  LookAgain();
}

}  // namespace hawser
