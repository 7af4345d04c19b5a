// The scheduler's whole state: members and jobs, and what follows from them.
//
// Durable state changes only by Apply(JournalEvent), the same for a live
// scheduler and for a replay. Decide() looks at the whole state and says which
// events are due; the driver writes them to the journal, applies them, and asks
// again until nothing is due:
//
//   request or time -> soft state (Register, Renew, Report, Tick)
//                   -> Decide() -> journal -> Apply() -> Decide() ... -> orders
//
// An event that could not be written is decided again the next time: nothing is
// acted upon before it is durable.
//
// What happens all the time costs little, however large the cluster: Renew,
// OrdersVersion and NextDeadline take O(log members), and TakeNews says who may
// have to be told something, so that nobody else is looked at.
//
// Pure: no locks, no I/O, no clock; time is an argument.
#ifndef HAWSER_SCHEDULER_STATE_CLUSTER_STATE_H_
#define HAWSER_SCHEDULER_STATE_CLUSTER_STATE_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/journal.pb.h"
#include "proto/scheduler.pb.h"
#include "scheduler/state/assignments.h"
#include "scheduler/state/deadlines.h"
#include "scheduler/state/job.h"
#include "scheduler/state/membership.h"
#include "scheduler/state/start_order.h"

namespace hawser {

class ClusterState {
 public:
  // Limits on what is kept.
  static constexpr size_t kMaxActiveJobs = 1000;
  static constexpr size_t kMaxMembers = 20000;

  // Of ended jobs that are kept, unless told otherwise.
  static constexpr size_t kEndedJobs = 1000;

  explicit ClusterState(absl::Duration lease, size_t keep_ended = kEndedJobs)
      : keep_ended_(keep_ended), membership_(lease) {}

  // --- Requests of clients ---

  // The events that accept the job, or a job for each user of a `personalise`,
  // except for users whose job of the same result waits, runs or has succeeded;
  // one that has failed or was cancelled makes way. INVALID_ARGUMENT: the spec.
  // ALREADY_EXISTS: a name. RESOURCE_EXHAUSTED: too many jobs.
  absl::StatusOr<std::vector<JournalEvent>> Submit(const JobSpec& spec,
                                                   absl::Time now) const;
  // NOT_FOUND. FAILED_PRECONDITION: it has ended.
  absl::StatusOr<JournalEvent> Cancel(const std::string& name,
                                      absl::Time now) const;
  // NOT_FOUND. FAILED_PRECONDITION: it has ended, or made its last step.
  // INVALID_ARGUMENT: the setting cannot be. RESOURCE_EXHAUSTED: it has been
  // changed too often.
  absl::StatusOr<JournalEvent> Change(const ChangeJobRequest& request,
                                      absl::Time now) const;
  // NOT_FOUND: no such member.
  absl::StatusOr<JournalEvent> Drain(const DrainNodeRequest& request,
                                     absl::Time now) const;
  // NOT_FOUND: no such job; the message names those there are.
  absl::StatusOr<const Job*> FindJob(const std::string& name) const;
  // In order of acceptance.
  std::vector<const Job*> Jobs() const;
  // The committed checkpoints of a job, the newest last, and why each is kept.
  void DescribeCheckpoints(const Job& job, JobStatus* status) const;
  void DescribeNodes(absl::Time now, ListNodesResponse* response) const;
  // How far its drain is, and what it waits for.
  void DescribeDrain(uint64_t node, NodeStatus* status) const;
  const Membership& membership() const { return membership_; }
  const Assignments& assignments() const { return assignments_; }
  // Null: not a member (any more).
  const Member* FindMember(uint64_t node) const {
    return membership_.Find(node);
  }

  // --- Members ---

  // A server takes the place of the one that was at its address. Who is awaited
  // gets its former number back; all others a new one. UNAVAILABLE: no number
  // is durable yet, try again.
  absl::StatusOr<uint64_t> Register(const RegisterRequest& request,
                                    absl::Time now);
  // NOT_FOUND: not a member (any more).
  absl::Status Renew(uint64_t node, absl::Time now);
  // What a server tells with its heartbeat of the jobs it serves.
  void NoteLoads(uint64_t node,
                 const google::protobuf::RepeatedPtrField<ServerLoad>& loads,
                 absl::Time now);
  // The member's connection has ended. A worker at work, and a server whose
  // blocks are all on others, too, is given up sooner than others are: nothing
  // is rolled back.
  void Doubt(uint64_t node, absl::Time now);
  void Deregister(uint64_t node, absl::Time now);
  absl::Status Report(const ReportRequest& report, absl::Time now);
  // A job cannot go on, for a reason outside of its members.
  void FailJob(uint64_t job, const std::string& reason, absl::Time now);
  // The manifest of a checkpoint that was to be committed could not be written.
  void RefuseCheckpoint(const CheckpointCommitted& checkpoint,
                        const std::string& why, absl::Time now);
  // Leases and limits that have run out.
  void Tick(absl::Time now);

  // What the member is to do; of a plan a worker is told its own place alone,
  // since all places told to all workers grow as their square. NOT_FOUND: not a
  // member.
  absl::StatusOr<Orders> OrdersFor(uint64_t node) const;
  // Their version alone.
  absl::StatusOr<uint64_t> OrdersVersion(uint64_t node) const;

  // Steps at which a server is to keep its blocks for a checkpoint.
  std::vector<CheckpointOrder> CheckpointOrdersFor(uint64_t node) const;

  // Nodes whose orders, and jobs whose status, may have changed since the last
  // call. (No number is both a node's and a job's.)
  std::set<uint64_t> TakeNews() { return std::exchange(news_, {}); }

  // Files of checkpoints that never will be committed, since the last call.
  std::vector<CheckpointWritten> TakeAbandonedFiles();

  // --- Durable state ---

  std::vector<JournalEvent> Decide(absl::Time now) const;
  void Apply(const JournalEvent& event);
  // Called after a replay: no number is used twice, and the members of jobs
  // that have a plan are awaited.
  void Restarted(absl::Time now);

  // When a lease or a limit runs out.
  absl::Time NextDeadline() const;

 private:
  // Called when it has registered.
  void Welcome(uint64_t node, Role role);
  void Lose(uint64_t node, const std::string& why, absl::Time now);
  bool IsHeld(const Job& job, uint64_t step) const;
  void DecideJob(const Job& job, absl::Time now,
                 std::vector<JournalEvent>* events) const;
  std::vector<const Job*> JobsWithOrdersFor(uint64_t node) const;
  bool DecideDrop(const Job& job, CheckpointDropped* drop) const;
  bool DecideEnd(const Job& job, absl::Time now, JobEnded* end) const;
  // NOT_FOUND: the name is free. OK: the job that has it will do as well.
  absl::Status CheckKnown(const JobSpec& complete) const;
  // FAILED_PRECONDITION: another job writes there.
  absl::Status CheckWritesAlone(const JobSpec& complete) const;
  std::string WhyItWaits(const Job& job) const;
  void Drain(uint64_t node, bool undo, absl::Time now);
  void NoteWhyJobsWait();
  // To change it, which is news. Null: there is none.
  Job* Touch(uint64_t id);
  void FollowTimedCheckpoint(Job* job, absl::Time now);
  // What the job's members are to do has changed.
  void TellMembers(uint64_t id);
  // A job of this name that has ended is forgotten.
  void ReplaceName(const std::string& name, uint64_t id);
  void ForgetOldJobs();

  size_t keep_ended_;
  Membership membership_;
  std::map<uint64_t, Job> jobs_;  // by number, which is order of acceptance
  std::map<std::string, uint64_t> names_;
  std::set<uint64_t> active_;  // jobs that have not ended
  Deadlines limits_;           // of active jobs
  Deadlines checkpoint_times_;
  Deadlines readmissions_;  // of workers that jobs have excluded
  std::vector<CheckpointWritten> abandoned_;  // by jobs that have ended
  Assignments assignments_;                   // by the plans of active jobs
  StartOrder start_order_;
  std::set<uint64_t> news_;
  uint64_t next_number_ = 1;  // of jobs, nodes and incarnations
  uint64_t reserved_limit_ = 1;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_CLUSTER_STATE_H_
