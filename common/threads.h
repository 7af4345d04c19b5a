// Threads and waiting as they are handed in: real ones in a daemon; in the
// simulator (tests/simulation) fibers on one thread and a virtual clock, so
// that the same drivers run there, every time in the same order.
//
// A driver starts no std::thread, sleeps nowhere, and waits through Await and
// AwaitFor alone, with the mutex held that guards what it waits for.
#ifndef HAWSER_COMMON_THREADS_H_
#define HAWSER_COMMON_THREADS_H_

#include <functional>
#include <memory>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace hawser {

// Thread-safe.
class Threads {
 public:
  // A running thread. Its destructor waits for the thread's end.
  class Thread {
   public:
    virtual ~Thread() = default;
    virtual void Join() = 0;  // at most once
  };

  virtual ~Threads() = default;

  virtual std::unique_ptr<Thread> Start(std::function<void()> body) = 0;

  // Returns when the condition holds, or the time has passed: false if the
  // condition does not hold then. Requires that the caller holds the mutex.
  virtual bool AwaitFor(absl::Mutex* mutex, const absl::Condition& condition,
                        absl::Duration timeout) = 0;
  void Await(absl::Mutex* mutex, const absl::Condition& condition) {
    AwaitFor(mutex, condition, absl::InfiniteDuration());
  }

  virtual void Sleep(absl::Duration duration) = 0;
};

// The machine's. Never destroyed, without state.
Threads* RealThreads();

}  // namespace hawser

#endif  // HAWSER_COMMON_THREADS_H_
