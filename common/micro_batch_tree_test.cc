#include "common/micro_batch_tree.h"

#include <functional>
#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace hawser {
namespace {

// The slow obvious tree: ranges split at the largest power of two below their
// size, by recursion.
using Range = std::pair<uint32_t, uint32_t>;
void ForEachRange(Range range, const std::function<void(Range)>& visit) {
  visit(range);
  const uint32_t size = range.second - range.first;
  if (size == 1) return;
  uint32_t half = 1;
  while (2 * half < size) half *= 2;
  ForEachRange({range.first, range.first + half}, visit);
  ForEachRange({range.first + half, range.second}, visit);
}

TEST(MicroBatchTreeTest, CanonicalNodesAreTheRangesOfTheRecursion) {
  for (uint32_t m = 1; m <= 70; ++m) {
    const MicroBatchTree tree(m);
    std::set<Range> expected;
    ForEachRange({0, m}, [&](Range range) { expected.insert(range); });
    std::set<Range> got;
    std::set<TreeNode> canonical;
    for (uint32_t level = 0; level <= 8; ++level) {
      for (uint32_t index = 0; index <= m; ++index) {
        const TreeNode node = {level, index};
        if (!tree.Contains(node)) continue;
        got.insert({tree.First(node), tree.Last(node)});
        canonical.insert(tree.Canonical(node));
      }
    }
    EXPECT_EQ(got, expected) << m;
    // One canonical name each.
    EXPECT_EQ(canonical.size(), expected.size()) << m;
  }
}

TEST(MicroBatchTreeTest, SiblingsMakeUpTheirParent) {
  for (uint32_t m = 2; m <= 70; ++m) {
    const MicroBatchTree tree(m);
    for (uint32_t level = 0; level <= 8; ++level) {
      for (uint32_t index = 0; index <= m; ++index) {
        if (!tree.Contains({level, index})) continue;
        const TreeNode node = tree.Canonical({level, index});
        if (node == tree.Root()) continue;
        const TreeNode sibling = tree.Sibling(node);
        ASSERT_EQ(tree.Canonical(sibling), sibling);
        EXPECT_EQ(tree.Sibling(sibling), node);
        const TreeNode parent = tree.Parent(node);
        EXPECT_EQ(parent, tree.Parent(sibling));
        EXPECT_TRUE(tree.Covers(parent, node));
        EXPECT_FALSE(tree.Covers(node, sibling));
        EXPECT_EQ(tree.Last(parent) - tree.First(parent),
                  tree.Last(node) - tree.First(node) + tree.Last(sibling) -
                      tree.First(sibling));
      }
    }
  }
}

TEST(MicroBatchTreeTest, CoverIsExactAndSmallest) {
  for (uint32_t m = 1; m <= 40; ++m) {
    const MicroBatchTree tree(m);
    std::set<Range> nodes;
    ForEachRange({0, m}, [&](Range range) { nodes.insert(range); });
    for (uint32_t first = 0; first <= m; ++first) {
      for (uint32_t last = first; last <= m; ++last) {
        const std::vector<TreeNode> cover = tree.Cover(first, last);
        // The smallest number by dynamic programming over the ranges.
        std::vector<size_t> least(last + 1, 1000);
        least[first] = 0;
        for (uint32_t end = first + 1; end <= last; ++end) {
          for (const Range& node : nodes) {
            if (node.second == end && node.first >= first) {
              least[end] = std::min(least[end], least[node.first] + 1);
            }
          }
        }
        EXPECT_EQ(cover.size(), least[last]);
        uint32_t at = first;
        for (const TreeNode& node : cover) {
          EXPECT_EQ(tree.Canonical(node), node);
          EXPECT_EQ(tree.First(node), at);
          at = tree.Last(node);
        }
        EXPECT_EQ(at, last);
      }
    }
  }
}

}  // namespace
}  // namespace hawser
