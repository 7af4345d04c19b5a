#include "server/reply_queue.h"

#include <algorithm>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace hawser {
namespace {

TEST(ReplyQueueTest, UrgentRepliesPassOthersAndEqualsKeepTheirOrder) {
  ReplyQueue<std::unique_ptr<int>> queue;
  const auto next = [&] { return *queue.Next(); };
  queue.Add(5, std::make_unique<int>(50));
  EXPECT_EQ(next(), 50);
  queue.Add(5, std::make_unique<int>(51));
  queue.Add(3, std::make_unique<int>(30));
  queue.Add(5, std::make_unique<int>(52));
  queue.Add(0, std::make_unique<int>(1));
  queue.Add(3, std::make_unique<int>(31));
  EXPECT_EQ(next(), 1);
  EXPECT_EQ(next(), 30);
  queue.Add(0, std::make_unique<int>(2));
  for (const int expected : {2, 31, 51, 52}) EXPECT_EQ(next(), expected);
  EXPECT_TRUE(queue.empty());
}

TEST(ReplyQueueTest, IsAStableSort) {
  std::mt19937 random(7);
  for (int round = 0; round < 100; ++round) {
    ReplyQueue<std::pair<uint32_t, int>> queue;
    std::vector<std::pair<uint32_t, int>> expected;
    for (int i = 0; i < 20; ++i) {
      const uint32_t urgency = random() % 5;
      queue.Add(urgency, {urgency, i});
      expected.emplace_back(urgency, i);
    }
    std::stable_sort(
        expected.begin(), expected.end(),
        [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& each : expected) EXPECT_EQ(queue.Next(), each);
  }
}

}  // namespace
}  // namespace hawser
