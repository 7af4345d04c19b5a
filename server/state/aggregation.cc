#include "server/state/aggregation.h"

namespace hawser {

StepAggregation::StepAggregation(uint32_t micro_batches)
    : tree_(micro_batches) {}

StepAggregation::Decision StepAggregation::Arrive(TreeNode arrived) {
  Decision decision;
  TreeNode node = tree_.Canonical(arrived);
  for (const TreeNode& held : held_) {
    if (tree_.Covers(held, node)) return decision;
    if (tree_.Covers(node, held)) decision.dropped.push_back(held);
  }
  for (const TreeNode& below : decision.dropped) held_.erase(below);

  // The payload goes straight into its sibling where there is one.
  decision.verdict = Verdict::kStore;
  decision.payload_target = node;
  if (node != tree_.Root() && held_.erase(tree_.Sibling(node)) != 0) {
    decision.verdict = Verdict::kAdd;
    decision.payload_target = tree_.Sibling(node);
    node = tree_.Parent(node);
  }
  decision.payload_result = node;
  while (node != tree_.Root() && held_.erase(tree_.Sibling(node)) != 0) {
    const TreeNode sibling = tree_.Sibling(node);
    const TreeNode parent = tree_.Parent(node);
    decision.merges.push_back({sibling, node, parent});
    node = parent;
  }
  held_.insert(node);
  decision.complete = node == tree_.Root();
  return decision;
}

}  // namespace hawser
