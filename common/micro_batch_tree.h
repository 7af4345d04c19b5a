// The fixed balanced binary tree over the micro-batches 0..M-1 of a step, in
// which gradients are summed. Node (level, index) covers micro-batches
// [index * 2^level, min((index + 1) * 2^level, M)); leaves are level 0. The
// association of the sum is the tree's, whoever adds, so that every bit of the
// result is the same for any number of workers and any assignment.
//
// A node whose right child would be empty has the value of its left child; such
// a node is named by its highest level (see Canonical).
//
//   M = 5:            (3,0)
//                 (2,0)   (2,1) = 4
//              (1,0) (1,1)
//              0  1  2  3
//
// Thread-safe: immutable values.
#ifndef HAWSER_COMMON_MICRO_BATCH_TREE_H_
#define HAWSER_COMMON_MICRO_BATCH_TREE_H_

#include <cstdint>
#include <vector>

namespace hawser {

struct TreeNode {
  uint32_t level = 0;
  uint32_t index = 0;

  friend auto operator<=>(const TreeNode&, const TreeNode&) = default;
};

class MicroBatchTree {
 public:
  // Requires 1 <= micro_batches <= kMaxMicroBatches.
  explicit MicroBatchTree(uint32_t micro_batches);

  static constexpr uint32_t kMaxMicroBatches = 1u << 20;

  uint32_t micro_batches() const { return micro_batches_; }
  TreeNode Root() const { return {root_level_, 0}; }

  // True if the node covers at least one micro-batch and lies in the tree.
  bool Contains(TreeNode node) const;

  // First and one past the last micro-batch below the node.
  uint32_t First(TreeNode node) const;
  uint32_t Last(TreeNode node) const;

  // The highest node that covers the same micro-batches.
  TreeNode Canonical(TreeNode node) const;

  // For a canonical node other than the root: the node it is added to.
  TreeNode Sibling(TreeNode node) const;
  // The canonical parent of a canonical node other than the root.
  TreeNode Parent(TreeNode node) const;

  // True if a covers all micro-batches of b.
  bool Covers(TreeNode a, TreeNode b) const;

  // The fewest canonical nodes that cover exactly [first, last), in order.
  std::vector<TreeNode> Cover(uint32_t first, uint32_t last) const;

 private:
  uint32_t micro_batches_;
  uint32_t root_level_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_MICRO_BATCH_TREE_H_
