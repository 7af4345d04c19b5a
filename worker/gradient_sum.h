// The worker's part of a step's sum: gradients of its run of micro-batches,
// added in the fixed tree (common/micro_batch_tree.h), so that as few partial
// sums as possible are left to push and each is the tree's, bit for bit.
//
// Works like a binary counter: each leaf is put on a stack, and while the two
// on top are siblings they become their parent.
//
// Not thread-safe. Buffers are kept from step to step: no allocation in the
// steady state.
#ifndef HAWSER_WORKER_GRADIENT_SUM_H_
#define HAWSER_WORKER_GRADIENT_SUM_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "common/metrics.h"
#include "common/micro_batch_tree.h"

namespace hawser {

class GradientSum {
 public:
  GradientSum(uint32_t micro_batches, int64_t parameters);

  // Starts a step.
  void Clear();

  // Where to write the gradient of the next micro-batch, [parameters]; then
  // Add names it. Micro-batches come in rising order without gaps.
  float* Next();
  void Add(uint32_t micro_batch, const SampleSums& sums);

  struct Partial {
    TreeNode node;
    SampleSums sums;
    std::unique_ptr<float[]> gradient;
  };
  // What is left: the fewest nodes that cover what was added.
  const std::vector<Partial>& partials() const { return stack_; }

 private:
  void MergeTop();

  const MicroBatchTree tree_;
  const int64_t parameters_;
  std::vector<Partial> stack_;
  std::unique_ptr<float[]> next_;
  std::vector<std::unique_ptr<float[]>> free_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_GRADIENT_SUM_H_
