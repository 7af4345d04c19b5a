// When a worker that is to leave after its work has been without any for long
// enough. It has to have had some before: a worker that waits for its first job
// stays, however long that takes.
//
//   new --work--> at work --none--> idle --patience is over--> due
//                    ^                |
//                    +------work------+
//
// A pure state machine; not thread-safe.
#ifndef HAWSER_WORKER_IDLE_EXIT_H_
#define HAWSER_WORKER_IDLE_EXIT_H_

#include "absl/time/time.h"

namespace hawser {

class IdleExit {
 public:
  // patience: zero never leaves.
  explicit IdleExit(absl::Duration patience) : patience_(patience) {}

  // What the newest orders say.
  void Follow(bool has_work, absl::Time now) {
    if (has_work) {
      has_worked_ = true;
      due_ = absl::InfiniteFuture();
    } else if (has_worked_ && patience_ > absl::ZeroDuration() &&
               due_ == absl::InfiniteFuture()) {
      due_ = now + patience_;
    }
  }

  // When to leave, unless work comes before.
  absl::Time NextDeadline() const { return due_; }

 private:
  const absl::Duration patience_;
  bool has_worked_ = false;
  absl::Time due_ = absl::InfiniteFuture();
};

}  // namespace hawser

#endif  // HAWSER_WORKER_IDLE_EXIT_H_
