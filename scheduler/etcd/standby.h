// Leads while it is elected, and stands by else: starts and stops the scheduler
// with its times in office.
//
// Thread-safe.
#ifndef HAWSER_SCHEDULER_ETCD_STANDBY_H_
#define HAWSER_SCHEDULER_ETCD_STANDBY_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/threads.h"
#include "scheduler/etcd/election.h"

namespace hawser {

class Standby {
 public:
  struct Office {
    // All are called on one thread. UNAVAILABLE: cannot lead now, perhaps
    // later. Another error: never.
    std::function<absl::Status()> enter;
    std::function<void()> leave;
    // Called once if it never can; see failure().
    std::function<void()> on_failure;
  };

  // election and threads outlive it. Starts at once.
  Standby(Election* election, Office office, Threads* threads);
  // Stops.
  ~Standby();

  // Leaves the office, then the election, so that another takes over at once.
  void Stop();

  absl::Status failure() const;

 private:
  void Run();

  Election* const election_;
  const Office office_;

  mutable absl::Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Threads::Thread> thread_;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_ETCD_STANDBY_H_
