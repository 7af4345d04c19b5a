#include "worker/gradient_sum.h"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace hawser {
namespace {

// The slow obvious sum of the micro-batches below a node.
float TreeSum(const MicroBatchTree& tree, TreeNode node,
              const std::vector<float>& leaves) {
  if (tree.Last(node) - tree.First(node) == 1) return leaves[tree.First(node)];
  uint32_t half = 1;
  while (2 * half < tree.Last(node) - tree.First(node)) half *= 2;
  const uint32_t middle = tree.First(node) + half;
  return TreeSum(tree, tree.Cover(tree.First(node), middle)[0], leaves) +
         TreeSum(tree, tree.Cover(middle, tree.Last(node))[0], leaves);
}

TEST(GradientSumTest, LeavesTheFewestNodesWithTheTreesBits) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> value(-1.0f, 1.0f);
  for (uint32_t micro_batches = 1; micro_batches <= 20; ++micro_batches) {
    const MicroBatchTree tree(micro_batches);
    std::vector<float> leaves(micro_batches);
    for (float& leaf : leaves) leaf = value(random);
    GradientSum sum(micro_batches, 1);
    for (uint32_t first = 0; first < micro_batches; ++first) {
      for (uint32_t last = first; last <= micro_batches; ++last) {
        sum.Clear();
        for (uint32_t m = first; m < last; ++m) {
          *sum.Next() = leaves[m];
          sum.Add(m, {m, 1, 2});
        }
        const std::vector<TreeNode> cover = tree.Cover(first, last);
        ASSERT_EQ(sum.partials().size(), cover.size());
        SampleSums total;
        for (size_t i = 0; i < cover.size(); ++i) {
          const GradientSum::Partial& partial = sum.partials()[i];
          EXPECT_EQ(partial.node, cover[i]);
          EXPECT_EQ(partial.gradient[0], TreeSum(tree, cover[i], leaves));
          total += partial.sums;
        }
        EXPECT_EQ(total.samples, 2 * (last - first));
      }
    }
  }
}

TEST(GradientSumTest, SumsThatACodecActsOnAreNotAddedUpFurther) {
  constexpr uint32_t kMicroBatches = 8;
  JobSpec job;
  job.mutable_schedule()->set_micro_batches(kMicroBatches);
  job.mutable_data_plane()->mutable_push()->set_codec("int8");
  job.mutable_data_plane()->set_sums_per_step(4);
  const JobCodecs codecs(job);
  GradientSum sum(kMicroBatches, 1, &codecs);
  for (uint32_t m = 1; m < 7; ++m) {
    *sum.Next() = static_cast<float>(m);
    sum.Add(m, {m, 1, 2});
  }
  const std::vector<std::pair<TreeNode, float>> expected = {
      {{0, 1}, 1}, {{1, 1}, 2 + 3}, {{1, 2}, 4 + 5}, {{0, 6}, 6}};
  ASSERT_EQ(sum.partials().size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(sum.partials()[i].node, expected[i].first);
    EXPECT_EQ(sum.partials()[i].gradient[0], expected[i].second);
  }
}

TEST(GradientSumTest, TheLastMicroBatchCanComeRangeByRange) {
  std::mt19937 random(4);
  std::uniform_real_distribution<float> value(-1.0f, 1.0f);
  constexpr int64_t kElements = 7;
  for (uint32_t micro_batches = 1; micro_batches <= 12; ++micro_batches) {
    const MicroBatchTree tree(micro_batches);
    GradientSum whole(micro_batches, kElements);
    GradientSum ranges(micro_batches, kElements);
    for (uint32_t first = 0; first < micro_batches; ++first) {
      for (uint32_t last = first + 1; last <= micro_batches; ++last) {
        whole.Clear();
        ranges.Clear();
        for (uint32_t m = first; m < last; ++m) {
          float* one = whole.Next();
          for (int64_t i = 0; i < kElements; ++i) one[i] = value(random);
          std::copy_n(one, kElements, ranges.Next());
          whole.Add(m, {m, 1, 2});
          if (m + 1 < last) ranges.Add(m, {m, 1, 2});
        }
        const uint32_t m = last - 1;
        const TreeNode node = tree.Cover(first, last).back();
        EXPECT_EQ(ranges.NodeCompletedBy(m), node);
        EXPECT_EQ(ranges.PartialsBeside(m).size(),
                  tree.Cover(first, last).size() - 1);
        // Last range first; each is final at once.
        const float* expected = whole.partials().back().gradient.get();
        for (const auto& [at, count] :
             std::vector<std::pair<int64_t, int64_t>>{{5, 2}, {1, 4}, {0, 1}}) {
          const float* sum = ranges.AddRange(m, at, count);
          for (int64_t i = at; i < at + count; ++i) {
            EXPECT_EQ(sum[i], expected[i]);
          }
        }
        ranges.AddRanges(m, {m, 1, 2});
        ASSERT_EQ(ranges.partials().size(), whole.partials().size());
        for (size_t p = 0; p < whole.partials().size(); ++p) {
          EXPECT_EQ(ranges.partials()[p].node, whole.partials()[p].node);
          EXPECT_EQ(ranges.partials()[p].sums, whole.partials()[p].sums);
        }
      }
    }
  }
}

}  // namespace
}  // namespace hawser
