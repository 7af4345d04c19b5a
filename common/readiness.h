// Whether a daemon is ready to do its work, and if not, why not: told by the
// daemon, asked by whoever sends it work (gRPC's health service, /readyz).
//
// Thread-safe.
#ifndef HAWSER_COMMON_READINESS_H_
#define HAWSER_COMMON_READINESS_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/synchronization/mutex.h"

namespace hawser {

class Readiness {
 public:
  // Called with each change, on the thread that makes it; must not block.
  using OnChange = std::function<void(bool ready)>;

  explicit Readiness(std::string why_not) : why_not_(std::move(why_not)) {}

  // Told at once what holds, then of each change. At most one.
  void Watch(OnChange on_change) {
    absl::MutexLock lock(&mutex_);
    on_change_ = std::move(on_change);
    on_change_(why_not_.empty());
  }
  // Nobody is told any more.
  void Unwatch() {
    absl::MutexLock lock(&mutex_);
    on_change_ = nullptr;
  }

  // The daemon is ready, unless it stops.
  void SetReady() { Set("", /*for_good=*/false); }
  void SetNotReady(const std::string& why) { Set(why, /*for_good=*/false); }
  // It is not, for good.
  void SetStopping() { Set("it stops", /*for_good=*/true); }

  // Empty: it is ready.
  std::string WhyNot() const {
    absl::MutexLock lock(&mutex_);
    return why_not_;
  }

 private:
  void Set(const std::string& why_not, bool for_good) {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return;
    stopping_ = for_good;
    why_not_ = why_not;
    if (on_change_ != nullptr) on_change_(why_not_.empty());
  }

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::string why_not_ ABSL_GUARDED_BY(mutex_);
  OnChange on_change_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hawser

#endif  // HAWSER_COMMON_READINESS_H_
