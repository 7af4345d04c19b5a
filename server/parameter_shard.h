// A parameter shard: the blocks one server holds for one job, and what they do
// together: the norm of the whole gradient, the learning rate, checkpoints, and
// the sums over samples of each step.
//
// Blocks that a plan moves (Plan.moves) leave in two steps: they are kept as
// they are for as long as plans name this server as where they are, and come in
// two: Arrivals() says which are to be fetched, Receive() takes each, and
// Settle() says that all are there (shard_moves.cc).
//
// Replicas of other servers' blocks that it keeps (Block.replica) are fetched
// in the same way, in every incarnation, until the server that has the block
// says that they are as it is; then they follow the updates that it sends
// (shard_replicas.cc).
//
// Thread-safe, but Adopt, Arrivals, Fills, Receive and Settle are called by one
// thread at a time.
#ifndef HAWSER_SERVER_PARAMETER_SHARD_H_
#define HAWSER_SERVER_PARAMETER_SHARD_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/data_plane/parameter_channel.h"
#include "common/clock.h"
#include "common/job/job_codecs.h"
#include "common/job/step_schedule.h"
#include "common/metrics.h"
#include "common/optimizer/optimizer.h"
#include "common/threads.h"
#include "proto/parameter_server.pb.h"
#include "proto/plan.pb.h"
#include "proto/scheduler.pb.h"
#include "server/audit_log.h"
#include "server/block_store.h"
#include "server/checkpoint.h"
#include "server/early_updates.h"
#include "server/frame_io.h"
#include "server/initial_values.h"
#include "server/lease_desk.h"
#include "server/replica_link.h"
#include "server/shard_load.h"
#include "server/state/checkpoint_admission.h"
#include "server/state/epoch_sums.h"
#include "server/state/norm_gather.h"

namespace hawser {

// Carries norms to the other servers of a job. Send must not block and may
// lose what it is given: the shard sends again (ResendNorms).
class NormCarrier {
 public:
  virtual ~NormCarrier() = default;
  virtual void Send(const std::string& address,
                    const ShareNormsRequest& norms) = 0;
};

// How a shard reaches the servers that keep replicas of its blocks.
struct ServerLinks {
  std::function<std::unique_ptr<ParameterChannel>(const ServerEndpoint&)>
      make_channel;
  Threads* threads = nullptr;
};

class ParameterShard : public BlockStore::Listener {
 public:
  // What the shard tells its server; called on any thread, must not block.
  struct Callbacks {
    // All blocks of a checkpoint step are here and can be written.
    absl::AnyInvocable<void(CheckpointSnapshot)> checkpoint_ready;
    // A worker waits for a lease: see NextLeaseDeadline.
    std::function<void()> lease_waits;
    // A step that is the last of an epoch or of the job is complete.
    absl::AnyInvocable<void()> milestone;
  };

  // Allocates the blocks of server number plan.servers[server] and initialises
  // them: they begin at the step that values are of.
  // norms, clock and trace outlive the shard. audit and trace may be null.
  // memory: what parameters are kept in, for workers of this host to read; may
  // be null. Without links no block has a replica.
  // Errors of values are passed on.
  static absl::StatusOr<std::unique_ptr<ParameterShard>> Create(
      const Plan& plan, uint32_t server, const InitialValues& values,
      NormCarrier* norms, const Clock* clock, std::unique_ptr<AuditLog> audit,
      Callbacks callbacks, std::unique_ptr<SharedMemory> memory = nullptr,
      TraceRecorder* trace = nullptr, ServerLinks links = {});
  ~ParameterShard() override;

  // A new incarnation with what the blocks hold (blocks_since), of which this
  // is server number `server`. Returns when all blocks that are here have
  // adopted it: the first step of which no work has been counted in them.
  uint64_t Adopt(const Plan& plan, uint32_t server);

  // Blocks of the plan that are not here yet, and replicas that may not be as
  // their blocks are.
  struct Arrival {
    uint32_t block = 0;
    uint32_t from = 0;  // index into the plan's servers
    std::string have;  // a replica: what there is of it (serialised BlockState)
  };
  std::vector<Arrival> Arrivals() const;
  // Replicas that the plan fills while the job runs, and that have not come
  // yet; FillsHere: there are some, or were.
  std::vector<Arrival> Fills() const;
  bool FillsHere() const { return fills_here_; }
  // One of them, as it is there. Returns the first step of which no work has
  // been counted in it. DATA_LOSS: it is of another block or plan.
  absl::StatusOr<uint64_t> Receive(uint32_t block, BlockContents contents);
  // All are here: what the job does together goes on.
  void Settle();

  // A frame of this job. Refused by an error to its sink when its incarnation
  // is not the current one or it names a block of another server.
  void Handle(IncomingFrame frame);

  // FAILED_PRECONDITION: stale incarnation.
  absl::Status ReceiveNorms(const ShareNormsRequest& request);
  // Sends this server's norms of the step in progress, and of the one before,
  // once more: for peers that missed them.
  void ResendNorms();

  // FAILED_PRECONDITION: stale incarnation. The steps completed by every block
  // held here, and by whoever reports on them.
  absl::StatusOr<uint64_t> Progress(uint64_t incarnation) const;

  // The sums over samples that have changed since the last call, if this shard
  // holds block 0. A new incarnation has all of them told again.
  StepsDone TakeStepsDone();

  // A checkpoint that was ready is written, or given up: the next may come.
  void ReleaseCheckpoint(uint64_t step);
  // A checkpoint of this step, if no block is past it; in place of one that was
  // ordered before. 0: none.
  void OrderCheckpoint(uint64_t step);
  // What is to be told of checkpoints that have been skipped since the last
  // call: the one before was still in hand, or they were ordered too late.
  std::vector<CheckpointFailed> TakeSkippedCheckpoints();

  // Leases that have become due; when that is next the case.
  void TickLeases();
  absl::Time NextLeaseDeadline() const;

  // Writes out the history that is kept, if one is.
  void FlushAudit();

  // What has come here so far, for people to see.
  ServerLoad Load() const;

  // The job is over here, or its blocks are to be made anew: frames are refused
  // from now on, parked reads too, and the history ends.
  void Close();

  // Workers that wait for a lease; 0 where none are given.
  size_t waiting_workers() const;
  // The steps completed by every block held here.
  uint64_t completed_steps() const;
  size_t blocks_held() const { return holding()->blocks.size(); }
  // The incarnation from which on it holds the blocks that it holds.
  uint64_t placed_since() const {
    absl::MutexLock lock(&checkpoint_mutex_);
    return placed_since_;
  }

  uint64_t job() const { return shared_.job; }
  const std::string& job_name() const { return plan_.spec().name(); }
  const BlockMeters& meters() const { return meters_; }
  uint64_t incarnation() const { return incarnation_.load(); }
  // See Plan.blocks_since.
  uint64_t blocks_since() const { return plan_.blocks_since(); }
  bool closed() const { return closed_.load(); }

  // BlockStore::Listener:
  void SumReady(uint32_t block, uint64_t step, double squared_norm,
                const StepSchedule& schedule) override;
  UpdateStep UpdateOnArrival(uint64_t step, uint32_t run, uint64_t lag,
                             const StepSchedule& schedule) override;
  void Counted(const FrameHeader& push,
               std::optional<uint64_t> updates) override;
  void StepSums(uint64_t step, const SampleSums& sums) override;
  bool WantsSnapshot(uint64_t version, const StepSchedule& schedule) override;
  void TakeSnapshot(BlockSnapshot snapshot) override;
  void VersionReached(uint32_t block, uint64_t version,
                      const StepSchedule& schedule) override;
  void Replicate(const FrameHeader& header, std::shared_ptr<const void> owner,
                 absl::Span<const char> payload,
                 std::function<void()> answered) override;
  void Followed(uint32_t block, uint64_t step, double squared_norm) override;

 private:
  // By its steps or epochs.
  ParameterShard(const Plan& plan, uint32_t server, uint64_t first_step,
                 std::unique_ptr<Optimizer> optimizer,
                 std::unique_ptr<Optimizer> outer_optimizer, NormCarrier* norms,
                 const Clock* clock, std::unique_ptr<AuditLog> audit,
                 Callbacks callbacks, std::unique_ptr<SharedMemory> memory,
                 TraceRecorder* trace, ServerLinks links);

  std::shared_ptr<const StepSchedule> schedule() const;
  absl::Status Initialise(const InitialValues& values);
  void OpenDesk(const Plan& plan);
  LeaseDesk::Replicate LeaseReplication(const Plan& plan);
  // Takes over what a plan says; returns what its blocks are to know.
  BlockStore::Members SetMembers(const Plan& plan, uint32_t server);
  // What this block is to know of it.
  BlockStore::Members MembersOf(uint32_t block, bool leaves) const;

  std::shared_ptr<BlockStore> BlockHere(uint32_t id) const;
  std::shared_ptr<BlockStore> ReplicaHere(uint32_t id) const;
  ShareNormsRequest KnownNorms(uint64_t step) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(norm_mutex_);
  bool NeedsNorm(uint64_t step, const StepSchedule& schedule) const;
  // The first of the steps up to `step` that all need a norm.
  uint64_t FirstThatNeedsNorm(uint64_t step) const;
  UpdateStep StepOf(uint64_t step, double clip,
                    const StepSchedule& schedule) const;
  void SendNorms(const ShareNormsRequest& request,
                 const std::vector<std::string>& peers);
  void UpdateAll(uint64_t step, double squared_norm);

  // Which blocks are here; replaced as a whole.
  struct Holding {
    std::vector<std::shared_ptr<BlockStore>> blocks;
    std::vector<BlockStore*> by_id;  // null: another server's
    // To other servers; only to be fetched.
    std::vector<std::shared_ptr<BlockStore>> leaving;
    std::map<uint32_t, std::shared_ptr<BlockStore>> replicas;
  };
  std::shared_ptr<const Holding> holding() const;
  uint32_t server() const {
    absl::MutexLock lock(&checkpoint_mutex_);
    return server_;
  }
  void Hold(std::shared_ptr<const Holding> holding);
  // Those that stay, leave and come back, by the plan.
  void Arrange(const Plan& plan);
  void SendContents(const IncomingFrame& request);
  // Those that the plan fills while the job runs, here and elsewhere.
  void AwaitFills(const Plan& plan, uint32_t server);
  void ReleaseEarly(uint32_t block);
  Arrival ReplicaToCome(const Block& block) const;
  void FollowHere(IncomingFrame frame);
  absl::Status ReceiveReplica(uint32_t block, BlockContents contents);
  absl::Status ReceiveState(const BlockState& state);
  void AddReceivedNorm(uint64_t step, uint32_t block, double squared_norm);
  void TakeNormOf(uint32_t replica);
  // Where updates of the blocks here go; replaced as a whole.
  struct Links {
    std::vector<std::unique_ptr<ReplicaLink>> all;
    std::vector<ReplicaLink*> by_block;  // null: it has no replica
  };
  void Unlink();
  void LinkUp(const Plan& plan);
  void ReplicateLeases(const LeaseState& state, std::function<void()> answered);
  absl::Status TakeLeases(const IncomingFrame& frame);
  void TakeOverLeases();
  absl::Status RestoreLeases(const BlockState& state);
  void GatherAnew();
  void RestoreNorms();
  bool HasReached(uint64_t step) const;
  // For a checkpoint of it to be ordered (0: none).
  bool IsTooLateFor(uint64_t step) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(checkpoint_mutex_);

  const Plan plan_;  // of the first incarnation: spec, shapes, blocks
  Plan newest_;
  const JobCodecs codecs_;
  const std::unique_ptr<Optimizer> optimizer_;
  const std::unique_ptr<Optimizer> outer_optimizer_;
  const Clock* const clock_;
  const std::unique_ptr<AuditLog> audit_;
  NormCarrier* const norm_carrier_;
  Callbacks callbacks_;
  const std::unique_ptr<SharedMemory> memory_;
  BlockMeters meters_;
  BlockStore::Shared shared_;
  // As schedule_ is.
  mutable absl::Mutex holding_mutex_;
  std::shared_ptr<const Holding> holding_ ABSL_GUARDED_BY(holding_mutex_);
  BlockStore::Members members_;  // of the newest incarnation
  std::vector<std::pair<uint64_t, BlockNorm>> norms_received_;  // by step
  bool placed_anew_ = false;
  std::set<uint32_t> level_;    // replicas that are as their blocks are
  std::set<uint32_t> filling_;  // blocks whose replicas the plan fills
  bool fills_here_ = false;     // some of them
  EarlyUpdates early_updates_;
  const ServerLinks server_links_;
  std::atomic<uint64_t> lease_states_{0};  // sent to the replica of block 0
  absl::Mutex leases_mutex_;
  // Of block 0, whose replica is here.
  std::optional<LeaseState> replica_leases_ ABSL_GUARDED_BY(leases_mutex_);
  absl::Mutex links_mutex_;
  std::shared_ptr<const Links> links_ ABSL_GUARDED_BY(links_mutex_);
  std::atomic<uint64_t> incarnation_;
  std::atomic<uint64_t> adopted_{0};  // by all blocks, and the leases
  // Of the newest incarnation; blocks have it from theirs.
  // Not an atomic pointer: load() of libstdc++ 12 unlocks without release
  // order.
  mutable absl::Mutex schedule_mutex_;
  std::shared_ptr<const StepSchedule> schedule_
      ABSL_GUARDED_BY(schedule_mutex_);
  std::atomic<uint64_t> workers_{1};
  // Set once a phase leases its work, by the server of block 0.
  std::atomic<LeaseDesk*> desk_{nullptr};
  std::unique_ptr<LeaseDesk> desk_owner_;
  std::atomic<bool> closed_{false};

  // Only jobs that clip use it, once per block and step.
  absl::Mutex norm_mutex_;
  NormGather norm_gather_ ABSL_GUARDED_BY(norm_mutex_);
  std::vector<std::string> peers_ ABSL_GUARDED_BY(norm_mutex_);
  // Of the update that made each replica: its step and the block's norm.
  std::map<uint32_t, std::pair<uint64_t, double>> replica_norms_
      ABSL_GUARDED_BY(norm_mutex_);

  mutable absl::Mutex checkpoint_mutex_;
  CheckpointAdmission admission_ ABSL_GUARDED_BY(checkpoint_mutex_);
  uint64_t ordered_step_ ABSL_GUARDED_BY(checkpoint_mutex_) = 0;
  bool is_late_ ABSL_GUARDED_BY(checkpoint_mutex_) = false;  // ordered_step_
  bool is_late_told_ ABSL_GUARDED_BY(checkpoint_mutex_) = false;
  // Nothing is kept of versions up to it, but for the last one.
  uint64_t passed_over_ ABSL_GUARDED_BY(checkpoint_mutex_) = 0;
  uint32_t server_ ABSL_GUARDED_BY(checkpoint_mutex_);
  uint64_t placed_since_ ABSL_GUARDED_BY(checkpoint_mutex_);
  std::map<uint64_t, CheckpointSnapshot> gathering_  // by version
      ABSL_GUARDED_BY(checkpoint_mutex_);

  ShardLoad load_;

  absl::Mutex steps_mutex_;
  EpochSums epoch_sums_ ABSL_GUARDED_BY(steps_mutex_);
};

}  // namespace hawser

#endif  // HAWSER_SERVER_PARAMETER_SHARD_H_
