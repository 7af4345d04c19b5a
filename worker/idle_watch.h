// Tells a worker to leave when it has been idle for long enough after its work
// (idle_exit.h), as a worker does that is started for one job.
//
//   IdleWatch watch(absl::Seconds(60), &clock, RealThreads(),
//                   RequestTermination);
//   watch.Follow(orders.plans_size() != 0);   // whenever orders come
//
// Thread-safe.
#ifndef HAWSER_WORKER_IDLE_WATCH_H_
#define HAWSER_WORKER_IDLE_WATCH_H_

#include <functional>
#include <memory>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/threads.h"
#include "worker/idle_exit.h"

namespace hawser {

class IdleWatch {
 public:
  // leave: called once, by a thread of the watch. patience: zero for never.
  IdleWatch(absl::Duration patience, const Clock* clock, Threads* threads,
            std::function<void()> leave);
  ~IdleWatch();

  void Follow(bool has_work);

 private:
  void Run();

  const Clock* const clock_;
  Threads* const threads_;
  const std::function<void()> leave_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool changed_ ABSL_GUARDED_BY(mutex_) = false;
  IdleExit exit_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Threads::Thread> thread_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_IDLE_WATCH_H_
