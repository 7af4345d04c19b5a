// Time as it is handed in: real in a daemon, made up in a test or simulation.
#ifndef HAWSER_COMMON_CLOCK_H_
#define HAWSER_COMMON_CLOCK_H_

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace hawser {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
};

class RealClock : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
};

}  // namespace hawser

#endif  // HAWSER_COMMON_CLOCK_H_
