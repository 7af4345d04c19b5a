// One job: what is durable (spec, plan, checkpoints, end), what is known of its
// progress, and its event log.
//
//   QUEUED    --JobPlanned, steps unknown-->        STARTING: workers open data
//   STARTING  --DataLoaded by all, JobPlanned-->    STARTING: servers prepare
//   STARTING  --ServerReady by all-->               RUNNING
//   RUNNING   --all steps done-->                   FINISHING
//   FINISHING --last epoch, checkpoint and hash-->  SUCCEEDED  (JobEnded)
//   any but the last three --failure--> FAILED, --cancel--> CANCELLED
//   (JobEnded)
//
// A worker lost or gained makes a new incarnation (JobPlanned): its servers are
// told first, keep their blocks and report ready, then its workers; steps that
// were made stay made.
//
// A server of the plan that is lost takes its blocks with it (MemberLost). The
// job's workers stop, and when there are servers for all places (roll_back.h),
// the next plan rolls the job back to its last committed checkpoint, or to the
// initial values, whatever state it was in (JobPlanned, with a new
// blocks_since):
//
//   whole --MemberLost, cannot_restore--> needs roll-back --JobPlanned--> whole
//
// Where each of its blocks is left on another server (replicas.h), the job goes
// on with these, and nothing is rolled back:
//
//   whole --MemberLost--> needs take-over --JobPlanned--> whole
//
// A checkpoint that cannot be read (MemberFailed.cannot_restore) is forgotten,
// and the one before is tried. What holds of a roll-back:
// - all servers begin anew from one step, also those that were there before;
// - what members report of the time before (an incarnation below blocks_since)
//   is refused: no checkpoint has files from both sides;
// - nothing of an epoch is lost: a checkpoint is committed when every epoch
//   that ends before its step is recorded, and knows the sums of the one after.
//
// A restart of the scheduler changes no state. Until each of its members has
// come back or been lost, a job that has a plan reattaches:
//
//   plan --Reattach--> reattaching: members work on by the plan
//   reattaching --all are back or lost, JobPlanned--> a new incarnation, by
//       which servers and workers tell again all that is not durable
//
// It runs, and its workers work, only when that is durable (BeginToRun): after
// a restart nobody could tell otherwise whether there is anything to go on
// with.
//
// Pure: time is an argument.
#ifndef HAWSER_SCHEDULER_STATE_JOB_H_
#define HAWSER_SCHEDULER_STATE_JOB_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/job/model_layout.h"
#include "common/metrics.h"
#include "proto/job.pb.h"
#include "proto/journal.pb.h"
#include "proto/plan.pb.h"
#include "proto/scheduler.pb.h"
#include "scheduler/state/checkpoint_list.h"
#include "scheduler/state/event_log.h"
#include "scheduler/state/incarnation_reason.h"
#include "scheduler/state/job_progress.h"
#include "scheduler/state/load_history.h"
#include "scheduler/state/number_guards.h"
#include "scheduler/state/pending_checkpoints.h"
#include "scheduler/state/timed_checkpoint.h"

namespace hawser {

class Job {
 public:
  // Most phases of a plan.
  static constexpr int kMaxPhases = 1000;

  Job(uint64_t id, const JobSpec& complete, ModelLayout layout,
      absl::Time accepted);

  uint64_t id() const { return id_; }
  const JobSpec& spec() const { return spec_; }
  const std::string& name() const { return spec_.name(); }
  const ModelLayout& layout() const { return layout_; }
  absl::Time accepted() const { return accepted_; }

  JobState state() const;
  bool ended() const { return end_.has_value(); }
  const std::optional<Plan>& plan() const { return plan_; }
  const JobProgress& progress() const { return progress_; }
  bool cancel_requested() const { return cancel_requested_; }
  // Committed and not dropped.
  const CheckpointList& checkpoints() const { return checkpoints_; }
  const PendingCheckpoints& pending_checkpoints() const { return pending_; }
  // How often it got a new incarnation, and why.
  const IncarnationCounts& incarnations() const { return incarnations_; }
  // Why it waits; empty: it does not.
  std::string WhyItWaits() const;
  absl::Time running_since() const { return running_since_; }
  // Under SKIP_STEP; since the scheduler has started.
  uint64_t micro_batches_not_finite() const {
    return guards_.micro_batches_not_finite();
  }

  // The plan as this node is told it. Requires a plan.
  Plan PlanFor(uint64_t node) const;
  // True if the node is a worker / a server with blocks of the current plan.
  bool HasWorker(uint64_t node) const;
  bool HoldsBlocks(uint64_t node) const;
  bool HasServer(uint64_t node) const;
  // Has a replica, or is to get one.
  bool HoldsReplicas(uint64_t node) const {
    return replica_holders_.count(node) != 0;
  }
  // Of its blocks some are on one server that are to be on two.
  bool lacks_replicas() const { return lacks_replicas_; }
  // Those that the plan fills while the job runs are.
  bool ReplicasFilled() const { return fills_awaited_.empty(); }
  // Servers that hold blocks, or are to get them.
  size_t holders() const { return holders_.size(); }
  // Every server has prepared the current plan.
  bool ServersReady() const;
  // A worker of the plan that has left, or that the job has excluded.
  bool WorkersChanged() const { return workers_changed_; }
  bool IsExcluded(uint64_t node) const { return excluded_.count(node) != 0; }
  // When the next of them may work for it again; InfiniteFuture: there is none.
  absl::Time NextReadmission() const;
  void Readmit(absl::Time now);

  // The scheduler has restarted since the plan was made.
  bool reattaching() const { return reattaching_; }
  // Members of the plan are to work on by it, which servers have prepared as
  // far as is known; not before it is durable that the job runs.
  bool Works() const;
  // Servers of the plan are lost, or what it restores cannot be read: another
  // plan is to come, by which the job ...
  bool IsBroken() const { return !servers_lost_.empty() || restore_failed_; }
  // ... goes on with the copies of blocks that are left (before it has run for
  // the first time there is nothing to go on with),
  bool NeedsTakeOver() const {
    return !servers_lost_.empty() && survives_ && !restore_failed_ &&
           running_since_ != absl::InfiniteFuture();
  }
  // ... or goes back.
  bool NeedsRollBack() const { return IsBroken() && !NeedsTakeOver(); }
  // A worker of the plan, whose micro-batches are leased to others, or a server
  // of it, each of whose blocks is left on another: nothing is rolled back.
  bool SurvivesWithout(uint64_t node) const;
  const std::set<uint64_t>& servers_lost() const { return servers_lost_; }
  bool IsLost(uint64_t server) const {
    return servers_lost_.count(server) != 0;
  }
  // What a roll-back would begin from.
  Restore RestorePoint() const;

  // How the job is to be synchronised from its last phase on, a change that has
  // not been planned yet included.
  const SynchronisationSpec& synchronisation() const;
  // The change that waits to be planned.
  const std::optional<SynchronisationSpec>& change() const { return change_; }
  // On how many servers it is to be; nothing: nobody has asked.
  const std::optional<uint32_t>& servers_wanted() const {
    return servers_wanted_;
  }
  uint32_t servers_asked_for() const {
    return servers_wanted_.value_or(spec_.resources().servers());
  }
  // Once all servers are ready: no work of this step has been counted anywhere.
  uint64_t UntouchedStep() const;

  // --- Durable changes (journal events) ---
  void Change(const JobChanged& change, absl::Time now);
  void Adopt(const Plan& plan, absl::Time now);
  void RequestCancel(absl::Time now);
  void Commit(const CheckpointCommitted& event, absl::Time now);
  void DropCheckpoint(uint64_t step, absl::Time now);
  void FinishEpoch(const EpochMetrics& metrics, absl::Time now);
  void BeginToRun(absl::Time now);
  void RecordValidation(const ValidationMeasured& measured);
  void End(const JobEnded& event, absl::Time now);

  // --- What members report; FAILED_PRECONDITION: stale incarnation, or not a
  // member of the plan. ---
  absl::Status Report(const ReportRequest& report, absl::Time now);
  // What a server of the plan tells of its load. Another's, or one that works
  // by another plan, is left out.
  void NoteLoad(uint64_t server, const ServerLoad& load, absl::Time now);
  const LoadHistory& loads() const { return loads_; }
  void MemberLost(uint64_t node, const std::string& why, absl::Time now);
  void Fail(const std::string& reason, absl::Time now);
  // True: another checkpoint is ordered now.
  bool FollowTimedCheckpoint(absl::Time now) {
    return timed_.Follow(progress_, now);
  }
  // The manifest of a complete checkpoint could not be written.
  void RefuseCheckpoint(uint64_t step, const std::string& why, absl::Time now);
  // What is durable has been read back.
  void Reattach(absl::Time now);
  void SetWaitingReason(const std::string& reason);

  // --- What follows from the above ---
  // The samples every worker has found, once all have reported.
  std::optional<DataLoaded> DataOfAllWorkers() const;
  // They have, and it has no blocks yet.
  bool WaitsForServers() const;
  std::optional<std::string> failure() const { return failure_; }
  // Files of the newest checkpoint that every server has written, if all epochs
  // that end before its step are recorded.
  std::optional<CheckpointCommitted> CompleteCheckpoint(absl::Time now) const;
  // When a checkpoint is complete that was refused, or one is due by the time
  // (FollowTimedCheckpoint); InfiniteFuture: never.
  absl::Time NextCheckpointTime() const;
  // Servers with blocks are to keep them at this step; 0: at none.
  uint64_t ordered_checkpoint() const { return timed_.ordered_step(); }
  // Files of checkpoints that never will be, since the last call.
  std::vector<CheckpointWritten> TakeAbandonedFiles() {
    return pending_.TakeAbandoned();
  }
  bool Finished() const;
  // When its servers were ready for the first time, while it is not durable
  // that it runs.
  std::optional<absl::Time> BeginningToRecord() const;
  // Since the first step; 0 before.
  double SecondsRunning(absl::Time now) const;
  // When a limit of the spec ends the job; InfiniteFuture: never.
  absl::Time Deadline() const;
  std::string DeadlineReason() const;
  const std::string& parameters_sha256() const { return sha256_; }

  uint64_t revision() const { return revision_; }
  void Describe(bool with_plan, absl::Time now, JobStatus* status) const;
  // The same, without what grows with the job: spec, epochs, plan.
  void DescribeBriefly(absl::Time now, JobStatus* status) const;
  const EventLog& log() const { return log_; }
  void Log(absl::Time now, const std::string& source, const std::string& text);

 private:
  std::string NameOf(uint64_t node) const;
  void NoteMembers();
  void NoteWhoIsBack(absl::Time now);
  bool HoldsFirstBlock(uint64_t node) const;
  absl::Status CheckMember(const ReportRequest& report) const;
  bool IsLastStep(uint64_t step) const;
  void ReportCheckpointFailed(uint64_t node, const CheckpointFailed& failed,
                              absl::Time now);
  void RollBack(const Plan& plan);
  void LetGo();
  void NoteCutOff(uint64_t worker, absl::Time now);
  void ReportDataLoaded(uint64_t node, const DataLoaded& loaded,
                        absl::Time now);
  // Nothing: nothing new.
  void Note(uint64_t node, const std::optional<NumberGuards::Finding>& finding,
            absl::Time now);
  std::optional<std::string> ProblemWith(const DataLoaded& loaded) const;

  const uint64_t id_;
  const JobSpec spec_;
  const ModelLayout layout_;
  const absl::Time accepted_;

  std::optional<Plan> plan_;
  IncarnationCounts incarnations_{};
  Plan plan_without_workers_;
  std::optional<SynchronisationSpec> change_;
  std::optional<uint32_t> servers_wanted_;
  bool cancel_requested_ = false;
  std::optional<JobEnded> end_;
  absl::Time ended_at_;
  CheckpointList checkpoints_;
  uint64_t checkpoint_step_ = 0;
  std::string output_;

  // The nodes that the plan names, so that nobody walks it to find one; of a
  // worker, which of the plan's it is.
  std::map<uint64_t, int> workers_;
  std::set<uint64_t> servers_;
  std::set<uint64_t> holders_;  // of blocks, or they are to come to them
  std::set<uint64_t> keepers_;  // of blocks: where they are by now (replicas.h)
  std::set<uint64_t> replica_holders_;
  bool lacks_replicas_ = false;
  std::set<uint64_t> fills_awaited_;  // servers that fill replicas
  // Of this incarnation, by server: the first step they have no work of.
  std::map<uint64_t, uint64_t> servers_ready_;
  std::set<uint64_t> servers_lost_;
  bool survives_ = false;  // each block is left on another server
  bool restore_failed_ = false;
  std::map<uint64_t, DataLoaded> data_loaded_;  // by node
  std::map<uint64_t, absl::Time> excluded_;     // workers, until when
  bool workers_changed_ = false;
  std::optional<std::string> failure_;
  std::string waiting_reason_;
  JobProgress progress_;
  LoadHistory loads_;
  NumberGuards guards_;
  PendingCheckpoints pending_;
  TimedCheckpoint timed_;
  uint64_t hashed_step_ = 0;
  std::string sha256_;
  // Of this incarnation all servers are.
  absl::Time ready_since_ = absl::InfiniteFuture();
  absl::Time running_since_ = absl::InfiniteFuture();
  bool reattaching_ = false;
  size_t lost_since_restart_ = 0;  // members of the plan

  uint64_t revision_ = 1;
  EventLog log_;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_JOB_H_
