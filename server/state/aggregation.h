// When is a gradient applied: once per step. Decides what becomes of each
// partial sum that arrives for one block in one step, so that the sum over all
// micro-batches is formed in the fixed tree (common/micro_batch_tree.h) and
// every micro-batch counts exactly once, in whatever order, cut or repetition
// the partial sums arrive.
//
// States of a step: a set of disjoint canonical tree nodes, the partial sums
// held. Empty at first (Reset); {root} when complete.
//   Arrive(n), n below a held node       -> unchanged, kDuplicate
//   Arrive(n), otherwise                 -> nodes below n are dropped, n joins,
//                                           siblings merge into parents
// A partial sum is a function of (step, node) alone, so that dropping one for
// another that covers it loses nothing.
//
// Pure: no locks, no I/O, no clock. The floats are the caller's: a decision
// names buffers by tree node.
#ifndef HAWSER_SERVER_STATE_AGGREGATION_H_
#define HAWSER_SERVER_STATE_AGGREGATION_H_

#include <set>
#include <vector>

#include "common/micro_batch_tree.h"

namespace hawser {

class StepAggregation {
 public:
  explicit StepAggregation(uint32_t micro_batches);

  // Add buffer `from` into buffer `into`; the result is the buffer of `result`.
  struct Merge {
    TreeNode into;
    TreeNode from;
    TreeNode result;
  };

  enum class Verdict {
    kDuplicate,  // already counted: use nothing of it
    kStore,      // keep the payload as the buffer of `payload_target`
    kAdd,        // add the payload into the buffer of `payload_target`
  };

  // What to do with one arrival, in this order.
  struct Decision {
    Verdict verdict = Verdict::kDuplicate;
    std::vector<TreeNode> dropped;  // free these buffers
    TreeNode payload_target;        // see Verdict
    TreeNode payload_result;        // what that buffer is called afterwards
    std::vector<Merge> merges;      // then these, in order
    bool complete = false;          // the buffer of the root is the step's sum
  };

  // Requires tree().Contains(node).
  Decision Arrive(TreeNode node);

  bool complete() const { return held_.count(tree_.Root()) != 0; }
  const MicroBatchTree& tree() const { return tree_; }

  // Starts the next step.
  void Reset() { held_.clear(); }

 private:
  MicroBatchTree tree_;
  std::set<TreeNode> held_;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_AGGREGATION_H_
