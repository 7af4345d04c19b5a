#include "server/strand.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace hawser {
namespace {

TEST(StrandTest, RunsATaskAtOnceWhenIdle) {
  Strand strand;
  int runs = 0;
  strand.Run([&] { ++runs; });
  EXPECT_EQ(runs, 1);
}

TEST(StrandTest, ATaskGivenFromInsideRunsAfterwards) {
  Strand strand;
  std::vector<int> order;
  strand.Run([&] {
    strand.Run([&] { order.push_back(2); });
    order.push_back(1);
  });
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(StrandTest, OneWriterAndEachThreadsOrderKept) {
  Strand strand;
  constexpr int kThreads = 4;
  constexpr int kTasks = 20000;
  // Plain variables: only the strand keeps them from being torn apart.
  int64_t total = 0;
  std::vector<int> last(kThreads, -1);
  bool in_order = true;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kTasks; ++i) {
        strand.Run([&, t, i] {
          ++total;
          in_order = in_order && last[t] == i - 1;
          last[t] = i;
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(total, int64_t{kThreads} * kTasks);
  EXPECT_TRUE(in_order);
}

}  // namespace
}  // namespace hawser
