// The codecs of a job's data plane, and which sums of a step they act on.
//
// In synchronous mode a codec without residual acts at one fixed level of the
// tree over the micro-batches, whoever computed the node there, so that no bit
// of the result depends on the cluster:
//
//   sums_per_step 2, M = 8       (3,0)             added from what was decoded
//                           (2,0)     (2,1)        encoded
//                        (1,0) (1,1) (1,2) (1,3)   float32
//
//   a worker has all of (2,0)       -> it sends (2,0), encoded
//   a worker has more               -> it sends (2,0) and (2,1), each encoded
//   a worker has a part of it       -> it sends the part in float32; the server
//                                      that completes (2,0) encodes and decodes
//
// A codec with a residual acts on whatever a worker sends.
//
// Thread-safe: immutable.
#ifndef HAWSER_COMMON_JOB_JOB_CODECS_H_
#define HAWSER_COMMON_JOB_JOB_CODECS_H_

#include <cstdint>
#include <memory>

#include "common/codec/codec.h"
#include "common/micro_batch_tree.h"
#include "proto/job.pb.h"

namespace hawser {

class JobCodecs {
 public:
  struct Direction {
    CodecId id = CodecId::kFloat32;
    std::shared_ptr<const Codec> codec;
    bool is_float32() const { return id == CodecId::kFloat32; }
  };

  // Requires a complete spec.
  explicit JobCodecs(const JobSpec& complete);

  const Direction& push() const { return push_; }
  const Direction& pull() const { return pull_; }
  const Direction& float32() const { return float32_; }

  // What a sum over the micro-batches below a node of the tree is to a step.
  enum class Sum {
    kAsItIs,   // sent in float32: `none`, or below the level
    kEncoded,  // sent by push()'s codec
    kTooMany,  // above the level: its parts are sent, each encoded
  };
  // Requires a node of the tree.
  Sum SumOf(TreeNode node) const;
  // True at that level: a sum to be encoded before it is added to another.
  bool ActsAt(TreeNode node) const {
    return has_level_ && SumOf(node) == Sum::kEncoded;
  }
  // The codec of the payload of a sum that is sent.
  const Direction& CodecOf(Sum sum) const {
    return sum == Sum::kEncoded ? push_ : float32_;
  }

 private:
  const MicroBatchTree tree_;
  Direction push_;
  Direction pull_;
  Direction float32_;
  bool has_level_ = false;
  uint32_t level_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_JOB_CODECS_H_
