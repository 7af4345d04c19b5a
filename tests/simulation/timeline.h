// Virtual time: what happens next, in order of (time, order of asking). Nothing
// else moves the clock.
//
// Not thread-safe.
#ifndef HAWSER_TESTS_SIMULATION_TIMELINE_H_
#define HAWSER_TESTS_SIMULATION_TIMELINE_H_

#include <cstdint>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

namespace hawser::simulation {

class Timeline {
 public:
  using Task = absl::AnyInvocable<void()>;

  absl::Time now() const { return now_; }
  absl::Duration elapsed() const { return now_ - start_; }
  uint64_t executed() const { return executed_; }

  // A time that has passed means now.
  void At(absl::Time time, Task task);
  void After(absl::Duration delay, Task task) {
    At(now_ + delay, std::move(task));
  }

  // False: nothing is to come.
  bool RunNext();

  // Forgets what is to come.
  void Clear() { events_.clear(); }

 private:
  struct Event {
    absl::Time time;
    uint64_t number;
    Task task;
  };
  static bool IsLater(const Event& a, const Event& b);

  const absl::Time start_ = absl::FromUnixSeconds(1'000'000'000);
  absl::Time now_ = start_;
  uint64_t asked_ = 0;
  uint64_t executed_ = 0;
  std::vector<Event> events_;  // a heap
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_TIMELINE_H_
