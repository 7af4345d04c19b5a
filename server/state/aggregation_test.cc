#include "server/state/aggregation.h"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace hawser {
namespace {

using Verdict = StepAggregation::Verdict;

// The slow obvious sum: recursion over ranges, split as the tree splits.
float TreeSum(const MicroBatchTree& tree, TreeNode node,
              const std::vector<float>& leaves) {
  const uint32_t first = tree.First(node);
  const uint32_t last = tree.Last(node);
  if (last - first == 1) return leaves[first];
  uint32_t half = 1;
  while (2 * half < last - first) half *= 2;
  float sums[2];
  const uint32_t bounds[3] = {first, first + half, last};
  for (int side = 0; side < 2; ++side) {
    const std::vector<TreeNode> cover =
        tree.Cover(bounds[side], bounds[side + 1]);
    EXPECT_EQ(cover.size(), 1u);
    sums[side] = TreeSum(tree, cover[0], leaves);
  }
  return sums[0] + sums[1];
}

// Plays decisions on one float per buffer.
class Player {
 public:
  explicit Player(uint32_t micro_batches) : machine(micro_batches) {}

  Verdict Push(TreeNode node, float value) {
    const StepAggregation::Decision decision = machine.Arrive(node);
    for (const TreeNode& dropped : decision.dropped) {
      EXPECT_EQ(buffers.erase(dropped), 1u);
    }
    if (decision.verdict == Verdict::kDuplicate) return decision.verdict;
    if (decision.verdict == Verdict::kAdd) {
      const float sum = Take(decision.payload_target) + value;
      EXPECT_TRUE(buffers.emplace(decision.payload_result, sum).second);
    } else {
      EXPECT_TRUE(buffers.emplace(decision.payload_result, value).second);
    }
    for (const StepAggregation::Merge& merge : decision.merges) {
      const float sum = Take(merge.into) + Take(merge.from);
      EXPECT_TRUE(buffers.emplace(merge.result, sum).second);
    }
    EXPECT_EQ(decision.complete, machine.complete());
    return decision.verdict;
  }

  float Take(TreeNode node) {
    const auto found = buffers.find(node);
    EXPECT_NE(found, buffers.end());
    const float value = found->second;
    buffers.erase(found);
    return value;
  }

  StepAggregation machine;
  std::map<TreeNode, float> buffers;
};

TEST(AggregationTest, AnyAssignmentOrderAndRepetitionGivesTheTreesBits) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> value(-1.0f, 1.0f);
  for (int round = 0; round < 2000; ++round) {
    const uint32_t micro_batches = 1 + random() % 33;
    std::vector<float> leaves(micro_batches);
    for (float& leaf : leaves)
      leaf = value(random) * std::ldexp(1.0f, static_cast<int>(random() % 20));
    Player player(micro_batches);
    const MicroBatchTree& tree = player.machine.tree();
    const float expected = TreeSum(tree, tree.Root(), leaves);

    // Several cuts of the micro-batches over workers, as after re-leases; all
    // nodes of all cuts in a random order, with repetitions.
    std::vector<TreeNode> pushes;
    for (int cut = 0; cut < 3; ++cut) {
      uint32_t first = 0;
      while (first < micro_batches) {
        const uint32_t last = first + 1 + random() % (micro_batches - first);
        for (const TreeNode& node : tree.Cover(first, last)) {
          pushes.push_back(node);
          if (random() % 3 == 0) pushes.push_back(node);
        }
        first = last;
      }
    }
    std::shuffle(pushes.begin(), pushes.end(), random);
    for (const TreeNode& node : pushes) {
      player.Push(node, TreeSum(tree, node, leaves));
    }
    ASSERT_TRUE(player.machine.complete());
    ASSERT_EQ(player.buffers.size(), 1u);
    EXPECT_EQ(player.Take(tree.Root()), expected);  // the same bits
  }
}

TEST(AggregationTest, ARepeatCountsOnce) {
  Player player(4);
  EXPECT_EQ(player.Push({0, 0}, 1), Verdict::kStore);
  EXPECT_EQ(player.Push({0, 0}, 1), Verdict::kDuplicate);
  EXPECT_EQ(player.Push({0, 1}, 2), Verdict::kAdd);
  EXPECT_EQ(player.Push({0, 0}, 1), Verdict::kDuplicate);
  EXPECT_EQ(player.Push({1, 0}, 3), Verdict::kDuplicate);
  EXPECT_FALSE(player.machine.complete());
  EXPECT_EQ(player.Push({1, 1}, 7), Verdict::kAdd);
  EXPECT_TRUE(player.machine.complete());
  EXPECT_EQ(player.Push({2, 0}, 10), Verdict::kDuplicate);
  EXPECT_EQ(player.buffers.at({2, 0}), 10);
}

TEST(AggregationTest, AWiderSumReplacesTheNarrowerOnesBelowIt) {
  Player player(8);
  player.Push({0, 0}, 1);
  player.Push({0, 2}, 3);
  EXPECT_EQ(player.Push({2, 0}, 10), Verdict::kStore);  // covers 0 to 3
  EXPECT_EQ(player.buffers.size(), 1u);
  EXPECT_EQ(player.Push({2, 1}, 26), Verdict::kAdd);
  EXPECT_EQ(player.buffers.at({3, 0}), 36);
}

TEST(AggregationTest, OneMicroBatchIsComplete) {
  Player player(1);
  EXPECT_EQ(player.Push({0, 0}, 5), Verdict::kStore);
  EXPECT_TRUE(player.machine.complete());
  player.machine.Reset();
  EXPECT_FALSE(player.machine.complete());
}

}  // namespace
}  // namespace hawser
