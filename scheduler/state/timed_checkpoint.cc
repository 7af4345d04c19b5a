#include "scheduler/state/timed_checkpoint.h"

#include <algorithm>
#include <cmath>

namespace hawser {

void TimedCheckpoint::Stop() {
  due_ = absl::InfiniteFuture();
  ordered_step_ = 0;
  waits_for_step_ = false;
}

bool TimedCheckpoint::Follow(const JobProgress& progress, absl::Time now) {
  if (now < due_) return false;
  waits_for_step_ = progress.step() < ordered_step_;
  if (waits_for_step_) return false;
  if (!was_late_) lead_ = std::max(kLead, lead_ / 2);
  was_late_ = false;
  const double ahead =
      std::ceil(progress.MostStepsPerSecond() * absl::ToDoubleSeconds(lead_));
  const uint64_t step = progress.step() + 1 + static_cast<uint64_t>(ahead);
  due_ = now + every_;
  // The job's last one comes by itself.
  if (step >= progress.total_steps()) return false;
  ordered_step_ = step;
  return true;
}

void TimedCheckpoint::Late(uint64_t step, absl::Time now) {
  if (step != ordered_step_ || due_ == absl::InfiniteFuture()) return;
  ordered_step_ = 0;
  was_late_ = true;
  lead_ = std::min(2 * lead_, kLongestLead);
  due_ = now;
}

absl::Time TimedCheckpoint::NextDeadline() const {
  return waits_for_step_ ? absl::InfiniteFuture() : due_;
}

}  // namespace hawser
