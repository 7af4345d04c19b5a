#include "common/job/step_schedule.h"

#include <algorithm>

#include "glog/logging.h"

namespace hawser {
namespace {

uint64_t RoundUp(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit;
}

}  // namespace

StepSchedule::StepSchedule(const Plan& plan)
    : StepSchedule(plan.optimizer_steps(), plan.steps_per_epoch(),
                   plan.phases()) {}

StepSchedule::StepSchedule(
    uint64_t optimizer_steps, uint64_t steps_per_epoch,
    const google::protobuf::RepeatedPtrField<Phase>& phases)
    : optimizer_steps_(optimizer_steps),
      steps_per_epoch_(steps_per_epoch),
      phases_(phases.begin(), phases.end()) {
  CHECK_GT(optimizer_steps, 0u);
  CHECK_GT(steps_per_epoch, 0u);
  CHECK(!phases_.empty());
  CHECK_EQ(phases_[0].from_step(), 0u);
  Start start;
  for (size_t i = 0; i < phases_.size(); ++i) {
    if (i != 0) {
      start.optimizer_step = OptimizerStepsBefore(phases_[i].from_step());
      if (start.optimizer_step == optimizer_steps_) break;  // never begins
    }
    start.step = phases_[i].from_step();
    start.local_steps =
        std::max(1u, phases_[i].synchronisation().local_steps());
    starts_.push_back(start);
  }
  total_steps_ =
      starts_.back().step + StepsUntil(starts_.back(), optimizer_steps_);
}

uint64_t StepSchedule::StepsUntil(const Start& start,
                                  uint64_t optimizer_step) const {
  const uint64_t epoch_end =
      (start.optimizer_step / steps_per_epoch_ + 1) * steps_per_epoch_;
  if (optimizer_step <= epoch_end) {
    return RoundUp(optimizer_step - start.optimizer_step, start.local_steps);
  }
  const uint64_t rest = optimizer_step - epoch_end;
  return RoundUp(epoch_end - start.optimizer_step, start.local_steps) +
         rest / steps_per_epoch_ *
             RoundUp(steps_per_epoch_, start.local_steps) +
         RoundUp(rest % steps_per_epoch_, start.local_steps);
}

uint64_t StepSchedule::OptimizerStepsBefore(uint64_t step) const {
  size_t i = starts_.size() - 1;
  while (starts_[i].step > step) --i;
  const Start& start = starts_[i];
  uint64_t left = step - start.step;
  const uint64_t epoch_end =
      (start.optimizer_step / steps_per_epoch_ + 1) * steps_per_epoch_;
  const uint64_t in_first =
      RoundUp(epoch_end - start.optimizer_step, start.local_steps);
  uint64_t reached = 0;
  if (left < in_first) {
    reached = start.optimizer_step + left * start.local_steps;
  } else {
    left -= in_first;
    const uint64_t in_epoch = RoundUp(steps_per_epoch_, start.local_steps);
    reached = epoch_end + left / in_epoch * steps_per_epoch_ +
              left % in_epoch * start.local_steps;
  }
  return std::min(reached, optimizer_steps_);
}

uint64_t StepSchedule::epochs() const {
  return RoundUp(optimizer_steps_, steps_per_epoch_);
}

StepSchedule::OptimizerSteps StepSchedule::At(uint64_t step) const {
  const uint64_t first = OptimizerStepsBefore(step);
  return {first, OptimizerStepsBefore(step + 1) - first};
}

uint64_t StepSchedule::EpochOf(uint64_t step) const {
  return OptimizerStepsBefore(step) / steps_per_epoch_;
}

bool StepSchedule::EndsEpoch(uint64_t version) const {
  if (version == 0 || version > total_steps_) return false;
  return version == total_steps_ ||
         OptimizerStepsBefore(version) % steps_per_epoch_ == 0;
}

uint64_t StepSchedule::EpochsOver(uint64_t version) const {
  return version >= total_steps_
             ? epochs()
             : OptimizerStepsBefore(version) / steps_per_epoch_;
}

uint64_t StepSchedule::StepsAtEndOf(uint64_t epoch) const {
  const uint64_t wanted = std::min(epoch * steps_per_epoch_, optimizer_steps_);
  size_t i = starts_.size() - 1;
  while (starts_[i].optimizer_step > wanted) --i;
  return starts_[i].step + StepsUntil(starts_[i], wanted);
}

size_t StepSchedule::PhaseIndexOf(uint64_t step) const {
  size_t i = starts_.size() - 1;
  while (starts_[i].step > step) --i;
  return i;
}

const Phase& StepSchedule::PhaseOf(uint64_t step) const {
  return phases_[PhaseIndexOf(step)];
}

bool StepSchedule::SamePhase(const StepSchedule& other, size_t index) const {
  return index < phases_.size() && index < other.phases_.size() &&
         phases_[index].SerializeAsString() ==
             other.phases_[index].SerializeAsString();
}

uint64_t StepSchedule::EndOfPhase(size_t index) const {
  return index + 1 < starts_.size() ? starts_[index + 1].step : total_steps_;
}

}  // namespace hawser
