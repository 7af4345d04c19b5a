// Checkpoints of a job every so many seconds: the scheduler chooses a step that
// none of its servers has made yet, and tells them (CheckpointOrder).
//
//   due --Follow: a step ahead is chosen--> ordered, until the next one is
//       --Late: a server was past it--> due at once, with twice the margin
//
// Where pushes are applied on arrival, workers may be far ahead of the step
// that is known, and a step is late that any of them is beyond: the margin that
// was enough is halved each time, and doubled again where that is too little.
//
// An order stands until it is replaced, so that whoever asks late still learns
// of it. Whether a checkpoint comes of it is not its concern. Soft state: after
// a restart the time begins anew.
//
// Pure: time is an argument.
#ifndef HAWSER_SCHEDULER_STATE_TIMED_CHECKPOINT_H_
#define HAWSER_SCHEDULER_STATE_TIMED_CHECKPOINT_H_

#include <cstdint>

#include "absl/time/time.h"
#include "scheduler/state/job_progress.h"

namespace hawser {

class TimedCheckpoint {
 public:
  // From the order to the step, by the job's speed.
  static constexpr absl::Duration kLead = absl::Seconds(1);
  static constexpr absl::Duration kLongestLead = absl::Hours(1000);

  // seconds: 0: there are none.
  explicit TimedCheckpoint(double seconds)
      : every_(seconds > 0 ? absl::Seconds(seconds)
                           : absl::InfiniteDuration()) {}

  // The job has begun to run.
  void Start(absl::Time now) { due_ = now + every_; }
  // Nothing is ordered any more.
  void Stop();
  // True: another step is ordered now. Whenever there is progress, and when
  // NextDeadline has come.
  bool Follow(const JobProgress& progress, absl::Time now);
  // A server was past this step when it was told.
  void Late(uint64_t step, absl::Time now);

  // 0: none.
  uint64_t ordered_step() const { return ordered_step_; }
  // InfiniteFuture: progress alone changes anything.
  absl::Time NextDeadline() const;

 private:
  const absl::Duration every_;
  absl::Time due_ = absl::InfiniteFuture();
  absl::Duration lead_ = kLead;
  bool was_late_ = false;
  uint64_t ordered_step_ = 0;
  // Due, but the step that is ordered has not been made.
  bool waits_for_step_ = false;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_TIMED_CHECKPOINT_H_
