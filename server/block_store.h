// One block of one job on its server: parameters, optimizer state, the partial
// sums of the step in progress, and the reads that wait for it.
//
// A step of a block, all on its strand:
//
//   partial sums arrive -> StepAggregation says where each is added
//   the root is complete -> listener.SumReady(squared norm if asked for)
//   Update(learning rate, scale) -> optimizer, one pass, into the next buffer
//   version + 1 -> parked reads are answered, listener.VersionReached
//
// The current version and the one before are kept, in buffers of their own, so
// that a read never waits for a write nor sees half of one.
//
// Thread-safe: every method may be called from any thread.
#ifndef HAWSER_SERVER_BLOCK_STORE_H_
#define HAWSER_SERVER_BLOCK_STORE_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "common/metrics.h"
#include "common/optimizer/optimizer.h"
#include "proto/plan.pb.h"
#include "server/float_buffer.h"
#include "server/frame_io.h"
#include "server/state/aggregation.h"
#include "server/state/read_gate.h"
#include "server/strand.h"

namespace hawser {

// A block as it was at one version: what a checkpoint keeps.
struct BlockSnapshot {
  uint32_t block = 0;
  uint64_t version = 0;
  std::shared_ptr<const FloatBuffer> parameters;
  std::vector<std::shared_ptr<const FloatBuffer>> state;  // as StateNames()
};

class BlockStore {
 public:
  // Called on the block's strand; must not block.
  class Listener {
   public:
    virtual ~Listener() = default;
    // All micro-batches of `step` are in. squared_norm is that of the sum of
    // the gradients, 0 when it was not asked for. Leads to Update().
    virtual void SumReady(uint32_t block, uint64_t step, double squared_norm,
                          const SampleSums& sums) = 0;
    // True if the block is to be kept as it is at this version.
    virtual bool WantsSnapshot(uint64_t version) = 0;
    virtual void TakeSnapshot(BlockSnapshot snapshot) = 0;
    virtual void VersionReached(uint32_t block, uint64_t version) = 0;
  };

  // What all blocks of a job share. Outlives the block.
  struct Shared {
    uint64_t job = 0;
    uint32_t micro_batches = 1;
    bool needs_norm = false;
    const Optimizer* optimizer = nullptr;
    Listener* listener = nullptr;
  };

  // Takes version 0 of the parameters from the plan's initialisers.
  BlockStore(const Shared* shared, const Plan& plan, const Block& block,
             uint64_t incarnation);

  // Counts the partial sum once, or refuses it by an error to frame.sink.
  void Push(IncomingFrame frame);

  // Answers with version header.clock, now or when it is reached.
  void Pull(const FrameHeader& header, std::shared_ptr<ReplySink> sink);

  // The optimizer's step after SumReady.
  void Update(const UpdateStep& step);

  // A new incarnation of the job's cluster. Parked reads of older ones are
  // refused; what was counted stays counted.
  void Adopt(uint64_t incarnation);

  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  uint32_t id() const { return id_; }

 private:
  struct PartialSum {
    std::shared_ptr<FloatBuffer> gradient;
    SampleSums sums;
  };
  struct ParkedRead {
    FrameHeader header;
    std::shared_ptr<ReplySink> sink;
  };

  // The rest runs on the strand.
  void PushNow(IncomingFrame& frame);
  absl::Status CheckPush(const FrameHeader& header) const;
  void Accumulate(const IncomingFrame& frame,
                  const StepAggregation::Decision& decision);
  PartialSum TakePartial(TreeNode node);
  void PullNow(const FrameHeader& header, std::shared_ptr<ReplySink> sink);
  void Answer(const FrameHeader& header, ReplySink* sink);
  void UpdateNow(const UpdateStep& step);

  const Shared* const shared_;
  const uint32_t id_;
  const int64_t elements_;
  std::atomic<uint64_t> version_{0};

  Strand strand_;
  uint64_t incarnation_;
  StepAggregation aggregation_;
  ReadGate gate_{0};
  FloatBufferPool pool_;
  std::shared_ptr<FloatBuffer> current_;
  std::shared_ptr<FloatBuffer> previous_;
  std::vector<std::shared_ptr<FloatBuffer>> state_;
  std::map<TreeNode, PartialSum> partials_;
  std::map<uint64_t, ParkedRead> parked_;
  uint64_t next_token_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_BLOCK_STORE_H_
