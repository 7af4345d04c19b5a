// The worker's part of a step's sum: gradients of its run of micro-batches,
// added in the fixed tree (common/micro_batch_tree.h), so that as few partial
// sums as possible are left to push and each is the tree's, bit for bit.
//
// Works like a binary counter: each leaf is put on a stack, and while the two
// on top are siblings they become their parent. The last leaf of a step can be
// added range by range, so that a range of the result is final, and can leave,
// before the rest of the leaf has been computed.
//
// Sums that a codec acts on (common/job/job_codecs.h) are not added to others
// here: each is sent.
//
// Not thread-safe. Buffers are kept from step to step: no allocation in the
// steady state.
#ifndef HAWSER_WORKER_GRADIENT_SUM_H_
#define HAWSER_WORKER_GRADIENT_SUM_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "common/job/job_codecs.h"
#include "common/metrics.h"
#include "common/micro_batch_tree.h"
#include "common/shared_memory.h"

namespace hawser {

class GradientSum {
 public:
  // codecs: null: none act. memory: what sums are kept in, for servers of this
  // host to read; null: in memory of this process alone. Both outlive the sum.
  GradientSum(uint32_t micro_batches, int64_t parameters,
              const JobCodecs* codecs = nullptr,
              SharedMemory* memory = nullptr);

  // Starts a step.
  void Clear();

  // Where to write the gradient of the next micro-batch, [parameters]; then
  // Add names it. Micro-batches come in rising order without gaps.
  float* Next();
  void Add(uint32_t micro_batch, const SampleSums& sums);

  // Instead of Add: elements [first, first + count) of the next micro-batch's
  // gradient are final. Where their sum is: that of the node that the
  // micro-batch completes, [parameters]. Each element is named once; after all
  // of them, AddRanges names their micro-batch's sums.
  const float* AddRange(uint32_t micro_batch, int64_t first, int64_t count);
  void AddRanges(uint32_t micro_batch, const SampleSums& sums);
  // The node that is complete once the micro-batch has been added.
  TreeNode NodeCompletedBy(uint32_t micro_batch) const;

  struct Partial {
    TreeNode node;
    SampleSums sums;
    std::shared_ptr<float[]> gradient;
  };
  // Those of the partial sums that the micro-batch, once added, leaves as they
  // are.
  absl::Span<const Partial> PartialsBeside(uint32_t micro_batch) const;
  // What is left: the fewest nodes that cover what was added, in order, none of
  // them above the level where the codec acts.
  const std::vector<Partial>& partials() const { return stack_; }

 private:
  // What a micro-batch completes: a node, and how many of the partial sums
  // below it stay as they are.
  struct Completed {
    TreeNode node;
    size_t others = 0;
  };
  Completed CompletedBy(uint32_t micro_batch) const;

  const MicroBatchTree tree_;
  const int64_t parameters_;
  const JobCodecs* const codecs_;
  SharedMemory* const memory_;
  std::vector<Partial> stack_;
  std::shared_ptr<float[]> next_;
  std::vector<std::shared_ptr<float[]>> free_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_GRADIENT_SUM_H_
