// Pushes and pulls of a whole job: the plan's blocks over the channels to the
// servers that hold them. Blocks go and come one by one, those of the first
// layers first where several wait, since they are needed first:
//
//   StartPull(0, theta)                            every block of version 0
//   for each step t:
//     AwaitLayer(0), AwaitLayer(1), ...            as the forward pass goes
//     PushLayer({t, ..., pull_next}, last), ...    as the backward pass goes;
//       each block's version t + 1 comes as soon as its server has made it, and
//       takes its place in theta
//
// Each channel (BlockChannels: one or two a server) is read by a thread and
// written to by a thread (SendQueue), since one server's answer may depend on
// what another one has got (norms, for clipping): when one stream ends, nobody
// goes on waiting for the others.
//
// Blocks travel by the job's codecs (common/job/job_codecs.h), unless exact
// floats are asked for. A push's residual lives as long as the client does.
//
// After an error, but for OUT_OF_RANGE, the client is of no more use.
//
// Thread-compatible: one caller at a time, except Cancel (any thread).
#ifndef HAWSER_CLIENT_DATA_PLANE_PARAMETER_CLIENT_H_
#define HAWSER_CLIENT_DATA_PLANE_PARAMETER_CLIENT_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "client/data_plane/block_channels.h"
#include "client/data_plane/parameter_channel.h"
#include "client/data_plane/push_encoder.h"
#include "client/data_plane/send_queue.h"
#include "common/job/job_codecs.h"
#include "common/metrics.h"
#include "common/micro_batch_tree.h"
#include "common/threads.h"
#include "common/trace/trace_recorder.h"
#include "proto/parameter_server.pb.h"
#include "proto/plan.pb.h"

namespace hawser {

class ParameterClient {
 public:
  // node: this worker. Only servers that hold blocks are connected to. threads
  // and trace (may be null) outlive the client.
  ParameterClient(const Plan& plan, uint64_t node,
                  const ChannelFactory& make_channel, Threads* threads,
                  TraceRecorder* trace = nullptr);
  ~ParameterClient();

  // The step every server has completed: where a worker goes on.
  absl::StatusOr<uint64_t> CurrentStep();

  // How parameters come: to compute gradients with, or exactly as the servers
  // have them, to be measured.
  enum class Floats { kByCodec, kExact };
  const JobCodecs& codecs() const { return codecs_; }

  // --- Where updates are made once per step ---

  // The sum of the gradients of the micro-batches below a tree node.
  struct StepPush {
    uint64_t step = 0;
    TreeNode tree_node;
    // [parameters]; a layer's part is unchanged from its push until what its
    // push asks for has been awaited, or Pull(step + 1) has returned.
    const float* gradient = nullptr;
    SampleSums sums;         // needed when layer 0 is pushed
    bool want_acks = false;  // for AwaitAcks
    // Each block is followed by a pull of version step + 1 into the theta of
    // the last StartPull or Pull.
    bool pull_next = false;
    Floats next = Floats::kByCodec;
    bool is_void = false;  // kVoid
  };

  // Sends the blocks of one layer.
  void PushLayer(uint32_t layer, const StepPush& push);
  // Sends every block, last layer first (as the backward pass goes).
  void Push(const StepPush& push);

  // Asks for version `version` of every block. theta: [parameters], written to
  // until every layer has been awaited.
  void StartPull(uint64_t version, float* theta,
                 Floats floats = Floats::kByCodec);
  // Waits until the blocks of a layer that have been asked for are there.
  // OUT_OF_RANGE: one is past that version; theta is undefined.
  absl::Status AwaitLayer(uint32_t layer);
  absl::Status AwaitLayers();
  // StartPull and AwaitLayers.
  absl::Status Pull(uint64_t version, float* theta,
                    Floats floats = Floats::kByCodec);

  // --- Where each push is applied on arrival ---

  // The sum of the gradients of micro-batches [position, position + run),
  // computed at the parameters of the last read: push number `clock` of this
  // worker.
  struct RunPush {
    uint64_t position = 0;
    uint32_t run = 0;
    uint64_t clock = 0;
    // [parameters]; a layer's part is unchanged from its push until AwaitAcks.
    const float* gradient = nullptr;
    SampleSums sums;       // needed when layer 0 is pushed
    bool is_void = false;  // kVoid
  };

  // Sends the blocks of one layer, or of all, last layer first.
  void PushRunLayer(uint32_t layer, const RunPush& push);
  void PushRun(const RunPush& push);

  // Asks for parameters as new as the bound on staleness asks for at the
  // worker's clock, to compute micro-batch `position` with; at kAnyPosition, to
  // be measured, hence exact. theta: [parameters], as for StartPull.
  void StartRead(uint64_t position, uint64_t clock, float* theta);
  // StartRead and AwaitLayers.
  absl::Status Read(uint64_t position, uint64_t clock, float* theta);

  // Tells every server the worker's clock, without a push or a read.
  void Tick(uint64_t position, uint64_t clock);

  // --- Both ---

  // Waits until every push that asked for it has been acknowledged: it is
  // counted, now or before.
  absl::Status AwaitAcks();

  // Asks the server of block 0 for work; one request at a time.
  void RequestLease(const LeaseRequest& request);
  // Waits for its answer.
  absl::StatusOr<Lease> AwaitLease();

  // Frames so far, headers and payloads; what gRPC and TCP add is not in it.
  struct Traffic {
    uint64_t sent_bytes = 0;
    uint64_t received_bytes = 0;
  };
  Traffic traffic() const;

  // Makes the calls above return CANCELLED, for good.
  void Cancel();

 private:
  // What is still to come by one channel.
  struct Due {
    int blocks = 0;
    int acks = 0;
  };
  // A block as a pull sees it.
  struct BlockState {
    bool is_due = false;
    uint64_t awaited_clock = 0;
    CodecId awaited_codec = CodecId::kFloat32;
    uint64_t updates = 0;  // as last received
  };

  TraceScope ScopeOf(uint64_t step) const {
    return {trace_, plan_.job(), step};
  }
  uint64_t StepAt(uint64_t position) const;
  FrameHeader Header(FrameKind kind, uint64_t clock) const;
  void SendLayer(uint32_t layer, FrameHeader header, const float* gradient,
                 const SampleSums& sums);
  // To every block.
  void SendToAll(const FrameHeader& header);
  uint64_t NodeOf(size_t channel) const {
    return plan_.servers(channels_.all()[channel].server).node();
  }
  // Flags of a request for blocks.
  uint16_t FlagsFor(Floats floats) const;
  void AwaitBlock(const Block& block, uint64_t clock, uint16_t flags)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StartReading(const FrameHeader& request, float* theta);
  // Returns when `holds` does, or after an error, with it.
  absl::Status WaitUntil(absl::FunctionRef<bool()> holds);
  void Fail(const absl::Status& status);
  void RunReader(size_t channel);
  absl::Status Take(size_t channel, const FrameHeader& header,
                    PayloadPieces pieces);
  // Where an awaited block goes; null: this frame is not one.
  float* WantedAt(size_t channel, const FrameHeader& header) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The same, of a frame whose payload can be received there as it is.
  char* PlaceOf(size_t channel, const FrameHeader& header);
  absl::Status TakeBlock(size_t channel, const FrameHeader& header,
                         PayloadPieces pieces);
  absl::Status TakeError(size_t channel, const absl::Status& refusal);
  absl::Status TakeLease(PayloadPieces pieces);

  const Plan plan_;
  const JobCodecs codecs_;
  const uint64_t node_;
  Threads* const threads_;
  TraceRecorder* const trace_;
  const BlockChannels channels_;
  std::vector<std::vector<int>> blocks_of_;  // by layer
  PushEncoder encoder_;
  std::string request_;                   // for a lease, on its way
  std::vector<SendQueue::Frame> frames_;  // of a layer, being put together
  std::atomic<uint64_t> received_bytes_{0};

  absl::Mutex mutex_;
  std::vector<Due> due_ ABSL_GUARDED_BY(mutex_);  // by channel
  std::vector<BlockState> block_states_ ABSL_GUARDED_BY(mutex_);
  std::vector<int> due_of_layer_ ABSL_GUARDED_BY(mutex_);  // blocks
  // What is read, where updates are made on arrival: the step it is for.
  std::optional<uint64_t> read_step_ ABSL_GUARDED_BY(mutex_);
  // Where awaited blocks go.
  float* theta_ ABSL_GUARDED_BY(mutex_) = nullptr;
  // Why awaited blocks will not come.
  absl::Status past_ ABSL_GUARDED_BY(mutex_);
  std::deque<Lease> leases_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);  // the first error

  std::vector<std::unique_ptr<SendQueue>> queues_;  // by channel
  std::vector<std::unique_ptr<Threads::Thread>> readers_;
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_DATA_PLANE_PARAMETER_CLIENT_H_
