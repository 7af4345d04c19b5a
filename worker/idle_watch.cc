#include "worker/idle_watch.h"

#include <utility>

namespace hawser {

IdleWatch::IdleWatch(absl::Duration patience, const Clock* clock,
                     Threads* threads, std::function<void()> leave)
    : clock_(clock),
      threads_(threads),
      leave_(std::move(leave)),
      exit_(patience),
      thread_(threads->Start([this] { Run(); })) {}

IdleWatch::~IdleWatch() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_->Join();
}

void IdleWatch::Follow(bool has_work) {
  absl::MutexLock lock(&mutex_);
  exit_.Follow(has_work, clock_->Now());
  changed_ = true;
}

void IdleWatch::Run() {
  absl::MutexLock lock(&mutex_);
  const auto ready = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return stopping_ || changed_;
  };
  while (!stopping_) {
    changed_ = false;
    const absl::Duration left = exit_.NextDeadline() - clock_->Now();
    if (left <= absl::ZeroDuration()) {
      leave_();
      return;
    }
    threads_->AwaitFor(&mutex_, absl::Condition(&ready), left);
  }
}

}  // namespace hawser
