// Writes checkpoints on a thread of its own, so that nothing else waits for the
// disk. Of a job no more than a snapshot or two are in hand: its parameter
// shard sees to that (state/checkpoint_admission.h).
//
//   Write -> written, read back if it is the job's last -> on_outcome(file)
//                                                                     done
//         -> not the last: on_outcome(error)                          done
//         -> the last: on_outcome(error), and once more after a pause
//
// The pause doubles from kFirstPause to kLongestPause; other jobs' checkpoints
// are written meanwhile.
//
// Thread-safe.
#ifndef HAWSER_SERVER_CHECKPOINT_WRITER_H_
#define HAWSER_SERVER_CHECKPOINT_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/file_calls.h"
#include "common/threads.h"
#include "common/trace/trace_recorder.h"
#include "server/checkpoint.h"

namespace hawser {

class CheckpointWriter {
 public:
  static constexpr absl::Duration kFirstPause = absl::Seconds(1);
  static constexpr absl::Duration kLongestPause = absl::Seconds(60);

  // Called on the writer's thread.
  using OnOutcome =
      std::function<void(uint64_t job, uint64_t step,
                         const absl::StatusOr<CheckpointWritten>& written)>;

  // calls, clock, threads and trace (may be null) outlive the writer.
  CheckpointWriter(std::string output_root, FileCalls* calls,
                   const Clock* clock, Threads* threads, TraceRecorder* trace,
                   OnOutcome on_outcome);
  ~CheckpointWriter();

  // Returns at once.
  void Write(CheckpointSnapshot snapshot);
  // The job is over, or goes back: what is not being written yet never is, and
  // of what is nobody is told.
  void Forget(uint64_t job);
  // Snapshots that are not being written yet.
  size_t waiting() const {
    absl::MutexLock lock(&mutex_);
    return tasks_.size();
  }
  // Ends the thread; what is not being written yet never is.
  void Stop();

 private:
  struct Task {
    CheckpointSnapshot snapshot;
    absl::Time not_before = absl::InfinitePast();
    absl::Duration pause = kFirstPause;
  };

  void Run();
  // The next one that is due, waited for; nothing: the writer stops.
  std::optional<Task> Next();
  absl::StatusOr<CheckpointWritten> WriteNow(const CheckpointSnapshot& what);
  void TryAgain(Task task);
  bool IsWanted(uint64_t job) const;

  const std::string output_root_;
  FileCalls* const calls_;
  const Clock* const clock_;
  Threads* const threads_;
  TraceRecorder* const trace_;
  const OnOutcome on_outcome_;

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  // The job whose task is in work, 0 once it is forgotten.
  uint64_t in_work_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Threads::Thread> thread_;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_CHECKPOINT_WRITER_H_
