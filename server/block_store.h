// One block of one job on its server: parameters, optimizer state, what has
// been counted, and the reads that wait.
//
// Where updates are made once per step, all on the block's strand:
//
//   partial sums arrive -> PartialSums adds each where it belongs
//   the sum is complete -> listener.SumReady(squared norm if asked for)
//   Update(learning rate, scale) -> if there is a replica: sent there, and when
//     it has answered:
//   -> optimizer, one pass, into the next buffer
//   version + 1 -> parked reads are answered, listener.VersionReached
//
// Where each push is applied on arrival:
//
//   a run arrives -> if there is a replica: sent there; it waits until that has
//     answered, and what comes after it waits behind it
//   -> PushLedger: a repeat is acknowledged, and that is all
//   -> optimizer, one pass, out of the message into the next buffer
//   -> the worker's clock + 1: StalenessGate lets parked reads go
//   a step's micro-batches are all counted -> version + 1
//
// A phase ends when its last step is complete; then the block goes over to what
// the next phase asks for, and answers those who came too early for it.
//
// A block that moves to another server leaves as it is, with all that it has
// counted; what it has in sum of a step that is not complete is left behind,
// and pushed again (block_moves.cc).
//
// A replica makes the updates that it is sent, and nothing else: it has no
// workers, leases, snapshots or history until it takes over
// (block_replicas.cc).
//
// The version in use, and once per step the one before, are kept in buffers of
// their own, so that a read never waits for a write nor sees half of one.
//
// A snapshot holds the buffers of its version; nothing is copied. The first
// update after it leaves the optimizer's state in them as it was, too, and goes
// on in others.
//
// Thread-safe: every method may be called from any thread.
#ifndef HAWSER_SERVER_BLOCK_STORE_H_
#define HAWSER_SERVER_BLOCK_STORE_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/job/job_codecs.h"
#include "common/job/step_schedule.h"
#include "common/metrics.h"
#include "common/optimizer/optimizer.h"
#include "common/trace/trace_recorder.h"
#include "proto/parameter_server.pb.h"
#include "proto/plan.pb.h"
#include "server/audit_log.h"
#include "server/block_meters.h"
#include "server/encoded_versions.h"
#include "server/float_buffer.h"
#include "server/frame_io.h"
#include "server/initial_values.h"
#include "server/partial_sums.h"
#include "server/state/push_ledger.h"
#include "server/state/read_gate.h"
#include "server/state/replication.h"
#include "server/state/staleness_gate.h"
#include "server/strand.h"

namespace hawser {

// A block as it was at one version: what a checkpoint keeps.
struct BlockSnapshot {
  uint32_t block = 0;
  uint64_t version = 0;
  std::shared_ptr<const FloatBuffer> parameters;
  std::vector<std::string> state_names;
  std::vector<std::shared_ptr<const FloatBuffer>> state;  // as state_names
  uint64_t updates = 0;  // of the optimizer, since its state was fresh
};

// A block on its way to another server.
struct BlockContents {
  BlockState state;
  // Parameters, those of the version before if there are any, then the
  // optimizer's state.
  std::vector<std::shared_ptr<FloatBuffer>> vectors;
};

class BlockStore {
 public:
  // Called on the block's strand; must not block. schedule: the block's.
  class Listener {
   public:
    virtual ~Listener() = default;
    // All micro-batches of `step` are in. squared_norm is that of the sum of
    // the gradients, 0 when it was not asked for. Leads to Update().
    virtual void SumReady(uint32_t block, uint64_t step, double squared_norm,
                          const StepSchedule& schedule) = 0;
    // How to apply a push of `run` micro-batches, the first of them of `step`,
    // that is `lag` updates late; UpdateStep.step is the block's to fill in.
    virtual UpdateStep UpdateOnArrival(uint64_t step, uint32_t run,
                                       uint64_t lag,
                                       const StepSchedule& schedule) = 0;
    // Block 0 alone: a push was counted. updates: those that were made since
    // its worker's read, where it is applied on arrival; nothing: once per
    // step.
    virtual void Counted(const FrameHeader& push,
                         std::optional<uint64_t> updates) = 0;
    // Block 0 alone: sums over the samples of a complete step.
    virtual void StepSums(uint64_t step, const SampleSums& sums) = 0;
    // True if the block is to be kept as it is at this version.
    virtual bool WantsSnapshot(uint64_t version,
                               const StepSchedule& schedule) = 0;
    virtual void TakeSnapshot(BlockSnapshot snapshot) = 0;
    virtual void VersionReached(uint32_t block, uint64_t version,
                                const StepSchedule& schedule) = 0;
    // Of a block that has a replica: sent there; `answered` is called, on any
    // thread, when it is made there. It may be lost with the incarnation.
    // owner: of the payload, which does not change until then.
    virtual void Replicate(const FrameHeader& header,
                           std::shared_ptr<const void> owner,
                           absl::Span<const char> payload,
                           std::function<void()> answered) = 0;
    // Of a replica: it has made the update of this step. squared_norm is that
    // of SumReady.
    virtual void Followed(uint32_t block, uint64_t step,
                          double squared_norm) = 0;
  };

  // What all blocks of a job share. Outlives the block.
  struct Shared {
    uint64_t job = 0;
    uint32_t micro_batches = 1;
    bool needs_norm = false;
    const JobCodecs* codecs = nullptr;
    const Optimizer* optimizer = nullptr;        // of gradients
    const Optimizer* outer_optimizer = nullptr;  // of local changes
    Listener* listener = nullptr;
    AuditLog* audit = nullptr;       // null: no history is kept
    TraceRecorder* trace = nullptr;  // may be null
    BlockMeters* meters = nullptr;   // may be null
    // What parameters are kept in, for workers of this host to read; null: in
    // memory of this process alone.
    SharedMemory* memory = nullptr;
  };

  // What an incarnation of the job's cluster asks of the block.
  struct Members {
    uint64_t incarnation = 0;  // 0: the job is over
    std::shared_ptr<const StepSchedule> schedule;
    std::vector<uint64_t> workers;
    // Blocks are on their way: no update is made before a later incarnation, or
    // Rouse.
    bool rests = false;
    bool leaves = false;      // this one, to another server
    bool is_replica = false;  // this one is
    Replication::Replica replica = Replication::Replica::kNone;  // of this one
    uint64_t placed_since = 0;                                   // see Plan
  };

  // To be initialised.
  BlockStore(const Shared* shared, const Block& block, Members members);
  ~BlockStore();

  // Begins at the step of the values, with their optimizer state. Called once,
  // before anybody else knows the block. Errors are those of values.
  absl::Status Initialise(const InitialValues& values, const Plan& plan,
                          const Block& block);

  // In place of Initialise: goes on with what another server had. DATA_LOSS: it
  // is of another block.
  absl::Status Import(BlockContents contents);

  // All there is of it, on the strand.
  void Export(std::function<void(BlockContents)> done);
  // The same, for its replica, which has `replica` (serialised): if that is all
  // there is, it is level from here on, and the contents are without vectors. A
  // replica that is filled is level from here on in any case: it holds later
  // updates back until it has the contents.
  void ExportToReplica(std::string replica,
                       std::function<void(BlockContents)> done);

  // The listener is given a snapshot if it wants one of the present version.
  void OfferSnapshot();

  // A push, of either kind: counts once, or is refused by an error to
  // frame.sink.
  void Push(IncomingFrame frame);

  // Requires that it is a replica: an update, in order, or a repeat of one.
  void Follow(IncomingFrame frame);

  // A pull, read or tick.
  void Read(const FrameHeader& header, std::shared_ptr<ReplySink> sink);

  // The optimizer's step after SumReady.
  void Update(uint64_t step, const UpdateStep& update);

  // A new incarnation. Reads of older ones that wait are refused; what was
  // counted stays counted. Then calls done(n), on the strand: no work of step n
  // or a later one has been counted.
  void Adopt(Members members, std::function<void(uint64_t)> done);

  // It rests no more, though the incarnation is the same.
  void Rouse();

  uint64_t version() const { return version_.load(std::memory_order_acquire); }
  uint32_t id() const { return id_; }

 private:
  struct WaitingRead {
    FrameHeader header;
    std::shared_ptr<ReplySink> sink;
  };

  // A push of a run that is on its way to the replica, or a read that came
  // after one.
  struct Queued {
    std::optional<IncomingFrame> push;
    WaitingRead read;
  };

  // The rest runs on the strand.
  bool on_arrival() const;
  // Null: no history is kept.
  AuditLog* audit() const {
    return members_.is_replica ? nullptr : shared_->audit;
  }
  const Optimizer* OptimizerOf(size_t phase) const;
  void UseOptimizer(const Optimizer* optimizer);
  void EnterPhase(size_t phase);
  void ResetClocks();
  void AnswerEarly();

  absl::Status CheckPush(const FrameHeader& header) const;
  absl::Status CheckPayload(const IncomingFrame& frame,
                            JobCodecs::Sum sum) const;
  absl::Status PushPartial(const IncomingFrame& frame);
  absl::Status PushRun(const IncomingFrame& frame);
  absl::Status CheckRun(const IncomingFrame& frame) const;
  absl::Status SendRun(IncomingFrame* frame);
  void MakeRun();
  void RefuseQueued();
  void ApplyRun(const IncomingFrame& frame, uint64_t lag);
  bool IsOfThisPhase(const FrameHeader& push) const;
  void Acknowledge(const IncomingFrame& frame, bool repeated);
  void SendAck(const IncomingFrame& frame, bool repeated);
  void PullNext(const IncomingFrame& push);
  void UpdateNow(uint64_t step, const UpdateStep& update);
  void MakeUpdate(uint64_t step, const UpdateStep& update);
  void SendUpdate(uint64_t step, const UpdateStep& update);
  absl::Status FollowNow(IncomingFrame* frame);
  void FollowUpdate(const IncomingFrame& frame);
  BlockContents Contents() const;
  // Puts others in the place of state buffers that a snapshot holds, and
  // returns those; none: nobody holds any.
  std::vector<std::shared_ptr<FloatBuffer>> ReplaceHeldState();
  void CompleteSteps();
  void ReachVersion();
  void TakeSnapshotIfWanted();
  uint64_t UntouchedStep() const;
  void ComeBack();
  void WakeUp();
  void NoteArrival(bool takes_over);

  void ReadNow(const FrameHeader& header, std::shared_ptr<ReplySink> sink);
  void PullVersion(const FrameHeader& header, std::shared_ptr<ReplySink> sink);
  void ReadOnArrival(const FrameHeader& header,
                     std::shared_ptr<ReplySink> sink);
  void Park(std::map<uint64_t, WaitingRead>* where, const FrameHeader& header,
            std::shared_ptr<ReplySink> sink);
  void AnswerReleased();
  void Answer(const FrameHeader& request, std::shared_ptr<FloatBuffer> buffer,
              ReplySink* sink);
  TraceScope ScopeOf(uint64_t step) const {
    return {shared_->trace, shared_->job, step};
  }
  TraceSpan::Details DetailsOf(const FrameHeader& header) const;
  void RefuseWaiting(std::map<uint64_t, WaitingRead>* waiting);
  void CountWaiting();
  void CountAnswer(const FrameHeader& request, size_t bytes);

  const Shared* const shared_;
  const uint32_t id_;
  const int64_t elements_;
  std::atomic<uint64_t> version_{0};  // complete steps

  Strand strand_;
  Members members_;
  size_t phase_ = 0;
  FloatBufferPool pool_;
  std::shared_ptr<FloatBuffer> current_;
  std::shared_ptr<FloatBuffer> previous_;  // null: cannot be had
  const Optimizer* optimizer_ = nullptr;
  FloatBufferPool state_pool_;
  std::vector<std::shared_ptr<FloatBuffer>> state_;
  uint64_t optimizer_updates_ = 0;  // since its state was fresh
  uint64_t updates_ = 0;

  Replication replication_;
  PartialSums partial_sums_;
  bool step_is_void_ = false;  // some push of the step in progress was (kVoid)
  EncodedVersions encoded_;
  ReadGate versions_{0};
  PushLedger ledger_{0};
  StalenessGate clocks_;
  std::map<uint64_t, SampleSums> sums_;  // of steps that are not complete

  std::map<uint64_t, WaitingRead> parked_;  // by token, at a gate
  std::map<uint64_t, WaitingRead> early_;   // for a later phase
  std::deque<Queued> queue_;                // the first is a push
  uint64_t next_run_ = 0;                   // number of a push to the replica
  uint64_t next_token_ = 0;
  int64_t counted_waiting_ = 0;  // of these, by the meters
};

}  // namespace hawser

#endif  // HAWSER_SERVER_BLOCK_STORE_H_
