// How long poll may wait.
#ifndef HAWSER_COMMON_POLL_TIMEOUT_H_
#define HAWSER_COMMON_POLL_TIMEOUT_H_

#include <algorithm>
#include <cstdint>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace hawser {

// Milliseconds until then, rounded up; 0: it is past. -1: for ever.
inline int PollTimeout(absl::Time limit) {
  if (limit == absl::InfiniteFuture()) return -1;
  const absl::Duration left = limit - absl::Now();
  if (left <= absl::ZeroDuration()) return 0;
  return static_cast<int>(
      std::min<int64_t>(INT32_MAX, absl::ToInt64Milliseconds(left) + 1));
}

}  // namespace hawser

#endif  // HAWSER_COMMON_POLL_TIMEOUT_H_
