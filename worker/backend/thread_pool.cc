#include "worker/backend/thread_pool.h"

#include "glog/logging.h"
#include "worker/backend/cpu/matrix_products.h"

namespace hawser {
namespace {

// How often an idle thread looks for work before it sleeps: some tens of
// microseconds, about the time between two layers.
constexpr int kSpins = 4000;

void Relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  CHECK_GE(threads, 1);
  KeepProductsToThisThread();
  for (int i = 1; i < threads; ++i) {
    threads_.emplace_back([this, i] { Work(i); });
  }
}

ThreadPool::~ThreadPool() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::TakeTasks(absl::FunctionRef<void(int, int)> task, int tasks,
                           int thread) {
  for (int i = next_.fetch_add(1); i < tasks; i = next_.fetch_add(1)) {
    task(i, thread);
  }
}

void ThreadPool::ParallelFor(int tasks,
                             absl::FunctionRef<void(int, int)> task) {
  if (threads_.empty() || tasks <= 1) {
    for (int i = 0; i < tasks; ++i) task(i, 0);
    return;
  }
  {
    absl::MutexLock lock(&mutex_);
    task_ = &task;
    tasks_ = tasks;
    next_.store(0);
    working_.store(static_cast<int>(threads_.size()));
    generation_.fetch_add(1);
  }
  TakeTasks(task, tasks, 0);
  for (int spin = 0; working_.load(std::memory_order_acquire) != 0; ++spin) {
    // Where threads outnumber cores, the others need this one's.
    spin < kSpins ? Relax() : std::this_thread::yield();
  }
}

void ThreadPool::Work(int thread) {
  KeepProductsToThisThread();
  uint64_t seen = 0;
  for (;;) {
    for (int spin = 0; spin < kSpins && generation_.load() == seen; ++spin) {
      Relax();
    }
    const absl::FunctionRef<void(int, int)>* task = nullptr;
    int tasks = 0;
    {
      absl::MutexLock lock(&mutex_);
      const auto ready = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return stopping_ || generation_.load() != seen;
      };
      mutex_.Await(absl::Condition(&ready));
      if (stopping_) return;
      seen = generation_.load();
      task = task_;
      tasks = tasks_;
    }
    TakeTasks(*task, tasks, thread);
    working_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace hawser
