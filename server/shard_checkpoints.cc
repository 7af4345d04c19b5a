// Checkpoints of a shard's blocks: when one is made, and what it gathers.
#include <algorithm>
#include <utility>

#include "common/job/checkpoint_steps.h"
#include "server/parameter_shard.h"

namespace hawser {

bool ParameterShard::WantsSnapshot(uint64_t version,
                                   const StepSchedule& schedule) {
  const bool is_last = version == schedule.total_steps();
  const CheckpointSpec& spec = plan_.spec().checkpoint();
  const bool by_time = spec.every_seconds() != 0;
  // Most of the time nobody takes a lock.
  if (!is_last && !by_time && !IsCheckpointDue(spec, version, schedule)) {
    return false;
  }
  absl::MutexLock lock(&checkpoint_mutex_);
  const bool is_ordered = version == ordered_step_ && !is_late_;
  if (!is_last && by_time && !is_ordered) return false;
  if (!is_last && version <= passed_over_) return false;
  return admission_.Admit(version, is_last);
}

void ParameterShard::TakeSnapshot(BlockSnapshot snapshot) {
  // Block 0 is at this version, hence so are the sums.
  std::optional<SampleSums> epoch_training;
  if (snapshot.block == 0) {
    absl::MutexLock lock(&steps_mutex_);
    epoch_training = epoch_sums_.LastEpoch();
  }
  CheckpointSnapshot complete;
  {
    absl::MutexLock lock(&checkpoint_mutex_);
    const uint64_t step = snapshot.version;
    CheckpointSnapshot& gathered = gathering_[step];
    if (epoch_training.has_value()) gathered.epoch_training = epoch_training;
    gathered.blocks.push_back(std::move(snapshot));
    if (gathered.blocks.size() != holding()->blocks.size()) return;
    complete = std::move(gathered);
    gathering_.erase(step);
    complete.step = step;
    complete.server = server_;
    complete.placed_since = placed_since_;
  }
  complete.job = plan_.job();
  complete.is_last = complete.step == schedule()->total_steps();
  complete.job_name = plan_.spec().name();
  complete.directory = plan_.spec().checkpoint().directory();
  std::sort(complete.blocks.begin(), complete.blocks.end(),
            [](const BlockSnapshot& a, const BlockSnapshot& b) {
              return a.block < b.block;
            });
  callbacks_.checkpoint_ready(std::move(complete));
}

void ParameterShard::ReleaseCheckpoint(uint64_t step) {
  absl::MutexLock lock(&checkpoint_mutex_);
  admission_.Release(step);
}

void ParameterShard::OrderCheckpoint(uint64_t step) {
  absl::MutexLock lock(&checkpoint_mutex_);
  if (step == ordered_step_) return;
  ordered_step_ = step;
  // A block that reaches the step after this has still to ask (WantsSnapshot);
  // all get the same answer.
  is_late_ = IsTooLateFor(step);
  is_late_told_ = false;
}

bool ParameterShard::IsTooLateFor(uint64_t step) const {
  LeaseDesk* const desk = desk_.load();
  if (desk != nullptr && !desk->OrderCheckpoint(step)) return true;
  return step != 0 && HasReached(step);
}

bool ParameterShard::HasReached(uint64_t step) const {
  const auto holding = this->holding();
  return std::any_of(
      holding->blocks.begin(), holding->blocks.end(),
      [step](const auto& block) { return block->version() >= step; });
}

std::vector<CheckpointFailed> ParameterShard::TakeSkippedCheckpoints() {
  std::vector<CheckpointFailed> skipped;
  absl::MutexLock lock(&checkpoint_mutex_);
  const std::vector<uint64_t> steps = admission_.TakeSkipped();
  if (!steps.empty()) {
    CheckpointFailed& busy = skipped.emplace_back();
    busy.set_step(steps.back());
    busy.set_message("the one before was still being written");
    for (const uint64_t step : steps) busy.add_skipped_steps(step);
  }
  if (is_late_ && !std::exchange(is_late_told_, true)) {
    CheckpointFailed& late = skipped.emplace_back();
    late.set_step(ordered_step_);
    late.set_message("it was ordered too late");
    late.add_skipped_steps(ordered_step_);
    late.set_too_late(true);
  }
  return skipped;
}

// Of each version a server writes all blocks that it holds, or none: what some
// of them have reached elsewhere is passed over. The job's last version is
// offered anew.
void ParameterShard::GatherAnew() {
  const auto holding = this->holding();
  uint64_t most = 0;
  for (const auto& block : holding->blocks) {
    most = std::max(most, block->version());
  }
  {
    absl::MutexLock lock(&checkpoint_mutex_);
    gathering_.clear();
    admission_ = CheckpointAdmission(holding->blocks.size());
    passed_over_ = most;
    is_late_ = IsTooLateFor(ordered_step_);
    is_late_told_ = false;
  }
  if (most != schedule()->total_steps()) return;
  // They rest: none of them gets further meanwhile.
  for (const auto& block : holding->blocks) {
    if (block->version() == most) block->OfferSnapshot();
  }
}

}  // namespace hawser
