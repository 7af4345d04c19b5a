// A clock that nobody sets, and that goes on while the machine sleeps: for
// leases, which must not seem longer than they are. Its zero means nothing.
#ifndef HAWSER_COMMON_STEADY_CLOCK_H_
#define HAWSER_COMMON_STEADY_CLOCK_H_

#include <time.h>

#include "absl/time/time.h"
#include "common/clock.h"
#include "glog/logging.h"

namespace hawser {

class SteadyClock : public Clock {
 public:
  absl::Time Now() const override {
    timespec now = {};
    PCHECK(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
    return absl::TimeFromTimespec(now);
  }
};

}  // namespace hawser

#endif  // HAWSER_COMMON_STEADY_CLOCK_H_
