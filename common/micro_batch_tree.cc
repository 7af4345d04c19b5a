#include "common/micro_batch_tree.h"

#include <algorithm>

#include "glog/logging.h"

namespace hawser {

MicroBatchTree::MicroBatchTree(uint32_t micro_batches)
    : micro_batches_(micro_batches), root_level_(0) {
  CHECK_GE(micro_batches, 1u);
  CHECK_LE(micro_batches, kMaxMicroBatches);
  while ((uint64_t{1} << root_level_) < micro_batches) ++root_level_;
}

bool MicroBatchTree::Contains(TreeNode node) const {
  return node.level <= root_level_ &&
         (uint64_t{node.index} << node.level) < micro_batches_;
}

uint32_t MicroBatchTree::First(TreeNode node) const {
  return node.index << node.level;
}

uint32_t MicroBatchTree::Last(TreeNode node) const {
  const uint64_t end = (uint64_t{node.index} + 1) << node.level;
  return static_cast<uint32_t>(std::min<uint64_t>(end, micro_batches_));
}

TreeNode MicroBatchTree::Canonical(TreeNode node) const {
  // A left child whose right sibling would be empty is its parent.
  while (node.level < root_level_ && node.index % 2 == 0 &&
         !Contains({node.level, node.index + 1})) {
    node = {node.level + 1, node.index / 2};
  }
  return node;
}

TreeNode MicroBatchTree::Sibling(TreeNode node) const {
  // A right sibling may itself be named by a lower level; a canonical node's
  // sibling at the same level always exists.
  return {node.level, node.index ^ 1};
}

TreeNode MicroBatchTree::Parent(TreeNode node) const {
  return Canonical({node.level + 1, node.index / 2});
}

bool MicroBatchTree::Covers(TreeNode a, TreeNode b) const {
  return First(a) <= First(b) && Last(b) <= Last(a);
}

std::vector<TreeNode> MicroBatchTree::Cover(uint32_t first,
                                            uint32_t last) const {
  std::vector<TreeNode> nodes;
  while (first < last) {
    TreeNode node = Canonical({0, first});
    // Climb while the parent starts here and does not reach beyond.
    while (node.level < root_level_ && node.index % 2 == 0) {
      const TreeNode parent = Parent(node);
      if (First(parent) != first || Last(parent) > last) break;
      node = parent;
    }
    nodes.push_back(node);
    first = Last(node);
  }
  return nodes;
}

}  // namespace hawser
