// How many refusals are written down: a flood of them is counted instead.
//
// Pure: time is an argument. Not thread-safe.
#ifndef HAWSER_COMMON_SECURITY_REFUSAL_BUDGET_H_
#define HAWSER_COMMON_SECURITY_REFUSAL_BUDGET_H_

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"

namespace hawser {

// A bucket of kMost tokens that gains kPerSecond a second.
class RefusalBudget {
 public:
  static constexpr double kMost = 100;
  static constexpr double kPerSecond = 2;

  // True: this one may be written. Else it is counted.
  bool Take(absl::Time now) {
    if (now > filled_) {
      left_ = std::min(
          kMost, left_ + kPerSecond * absl::ToDoubleSeconds(now - filled_));
    }
    filled_ = now;
    if (left_ < 1) {
      ++suppressed_;
      return false;
    }
    left_ -= 1;
    return true;
  }

  // Those that were not written since this was asked last.
  uint64_t TakeSuppressed() {
    const uint64_t count = suppressed_;
    suppressed_ = 0;
    return count;
  }

 private:
  double left_ = kMost;
  absl::Time filled_ = absl::InfinitePast();
  uint64_t suppressed_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_SECURITY_REFUSAL_BUDGET_H_
