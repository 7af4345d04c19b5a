// The worker's only pool of threads. Work is cut into tasks by its shape alone,
// never by the number of threads, so that no bit depends on that number.
//
// Thread-compatible: one ParallelFor at a time.
#ifndef HAWSER_WORKER_BACKEND_THREAD_POOL_H_
#define HAWSER_WORKER_BACKEND_THREAD_POOL_H_

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"

namespace hawser {

class ThreadPool {
 public:
  // threads >= 1, the caller's own included. Also tells the library of matrix
  // products to keep to the calling thread, since exactly one pool may be
  // active; whoever calls ParallelFor must have made the pool.
  explicit ThreadPool(int threads);
  ~ThreadPool();

  int threads() const { return static_cast<int>(threads_.size()) + 1; }

  // Runs task(i, thread) for i from 0 to tasks - 1, each once, in any order and
  // on any of the threads, which are numbered from 0; returns when all are
  // done. A single task runs on the caller.
  void ParallelFor(int tasks, absl::FunctionRef<void(int, int)> task);

 private:
  void Work(int thread);
  void TakeTasks(absl::FunctionRef<void(int, int)> task, int tasks, int thread);

  std::vector<std::thread> threads_;

  // The loop in progress: a generation that rises with each.
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::atomic<uint64_t> generation_{0};
  const absl::FunctionRef<void(int, int)>* task_ = nullptr;
  int tasks_ = 0;
  std::atomic<int> next_{0};
  std::atomic<int> working_{0};
};

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_THREAD_POOL_H_
