// Imitates a slower machine: waits after each micro-batch.
//
// Thread-compatible, except Cancel (any thread).
#ifndef HAWSER_WORKER_PACE_H_
#define HAWSER_WORKER_PACE_H_

#include "absl/synchronization/mutex.h"
#include "worker/surroundings.h"

namespace hawser {

class Pace {
 public:
  // surroundings outlive it.
  explicit Pace(const Surroundings* surroundings)
      : surroundings_(surroundings) {}

  void AfterMicroBatch() {
    if (surroundings_->delay == nullptr) return;
    absl::MutexLock lock(&mutex_);
    surroundings_->threads->AwaitFor(&mutex_, absl::Condition(&cancelled_),
                                     surroundings_->delay());
  }

  // Nothing is waited for any more.
  void Cancel() {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
  }

 private:
  const Surroundings* const surroundings_;
  absl::Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_PACE_H_
