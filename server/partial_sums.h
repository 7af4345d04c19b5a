// The gradients of one block in the step in progress, where updates are made
// once per step: partial sums, added in the fixed tree as
// state/aggregation.h decides.
//
// Where the job's codec acts at one level of the tree
// (common/job/job_codecs.h), a node of that level has the same bits whoever
// added it: what a worker sends as a whole arrives encoded, and what is
// completed here is encoded and decoded here.
//
// Not thread-safe: it belongs to a block, and is used on the block's strand.
#ifndef HAWSER_SERVER_PARTIAL_SUMS_H_
#define HAWSER_SERVER_PARTIAL_SUMS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "common/job/job_codecs.h"
#include "common/metrics.h"
#include "common/micro_batch_tree.h"
#include "common/wire/frame.h"
#include "server/float_buffer.h"
#include "server/state/aggregation.h"

namespace hawser {

class PartialSums {
 public:
  struct Sum {
    std::shared_ptr<FloatBuffer> gradient;
    SampleSums sums;
    double squared_norm = 0;  // of a total, if it was asked for
  };
  enum class Outcome {
    kRepeat,    // it had been counted: nothing was used
    kCounted,   // it is in
    kComplete,  // and the sum of the whole step is there
  };

  // pool and codecs outlive it.
  PartialSums(uint32_t micro_batches, int64_t elements, FloatBufferPool* pool,
              const JobCodecs* codecs);

  const MicroBatchTree& tree() const { return aggregation_.tree(); }

  // Requires that the tree contains the node, that its sum is one that is sent,
  // and an encoding of `elements` floats by `by`. The norm is that of the
  // total, taken as the last of it is added.
  Outcome Add(TreeNode node, const JobCodecs::Direction& by,
              PayloadPieces pieces, const SampleSums& sums, bool needs_norm);

  bool complete() const { return aggregation_.complete(); }
  // Forgets what there is of the step.
  void StartOver();
  // Require that the step is complete.
  const Sum& Total() const { return partials_.begin()->second; }
  Sum TakeTotal();  // and begins the next step

 private:
  Sum Take(TreeNode node);
  void Accumulate(const StepAggregation::Decision& decision,
                  const JobCodecs::Direction& by, PayloadPieces pieces,
                  const SampleSums& sums, bool needs_norm);
  // Through the job's codec and back.
  void EncodeAndDecode(float* sum);

  const int64_t elements_;
  FloatBufferPool* const pool_;
  const JobCodecs* const codecs_;
  StepAggregation aggregation_;
  std::map<TreeNode, Sum> partials_;
  std::vector<char> encoded_;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_PARTIAL_SUMS_H_
