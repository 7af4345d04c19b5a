#include "worker/backend/thread_pool.h"

#include <atomic>
#include <vector>

#include "gtest/gtest.h"

namespace hawser {
namespace {

TEST(ThreadPoolTest, EveryTaskRunsOnceBeforeItReturns) {
  for (const int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 2000; ++round) {
      const int tasks = round % 17;
      std::vector<std::atomic<int>> runs(static_cast<size_t>(tasks));
      pool.ParallelFor(
          tasks, [&](int task, int) { ++runs[static_cast<size_t>(task)]; });
      for (const auto& count : runs) ASSERT_EQ(count.load(), 1);
    }
  }
}

}  // namespace
}  // namespace hawser
