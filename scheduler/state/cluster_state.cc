#include "scheduler/state/cluster_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/job/model_layout.h"
#include "common/job/personalise.h"
#include "common/status_macros.h"
#include "scheduler/state/drains.h"
#include "scheduler/state/planner.h"
#include "scheduler/state/roll_back.h"

namespace hawser {
namespace {

std::string WhyKeptText(CheckpointList::Kept kept,
                        const CheckpointSpec& policy) {
  switch (kept) {
    case CheckpointList::Kept::kNewest:
      return "the newest";
    case CheckpointList::Kept::kAll:
      return "all are kept";
    case CheckpointList::Kept::kLast:
      return absl::StrCat("one of the last ", policy.keep_last());
    case CheckpointList::Kept::kMultiple:
      return absl::StrCat("a multiple of ", policy.keep_every_steps());
    case CheckpointList::Kept::kNot:
      break;
  }
  return "";
}

}  // namespace

absl::StatusOr<const Job*> ClusterState::FindJob(
    const std::string& name) const {
  const auto found = names_.find(name);
  if (found != names_.end()) return &jobs_.at(found->second);
  return absl::NotFoundError(absl::StrCat(
      "no job named ", name, "; `hawser jobs` lists those there are"));
}

std::vector<const Job*> ClusterState::Jobs() const {
  std::vector<const Job*> jobs;
  for (const auto& [id, job] : jobs_) jobs.push_back(&job);
  return jobs;
}

void ClusterState::DescribeNodes(absl::Time now,
                                 ListNodesResponse* response) const {
  for (const auto& [node, member] : membership_.members()) {
    NodeStatus* status = response->add_nodes();
    status->set_node(node);
    status->set_role(member.role);
    status->set_address(member.address);
    status->set_host(member.host);
    status->set_process(member.process);
    status->set_seconds_since_heartbeat(
        absl::ToDoubleSeconds(now - member.last_heartbeat));
    std::vector<std::string> names;
    for (const uint64_t id : assignments_.JobsOf(node)) {
      names.push_back(jobs_.at(id).name());
    }
    status->set_job(absl::StrJoin(names, ","));
    DescribeDrain(node, status);
  }
}

void ClusterState::DescribeDrain(uint64_t node, NodeStatus* status) const {
  std::vector<const Job*> jobs;
  for (const uint64_t id : assignments_.JobsOf(node)) {
    jobs.push_back(&jobs_.at(id));
  }
  hawser::DescribeDrain(node, jobs, membership_, status);
}

void ClusterState::DescribeCheckpoints(const Job& job,
                                       JobStatus* status) const {
  const CheckpointSpec& policy = job.spec().checkpoint();
  for (const auto& [step, checkpoint] : job.checkpoints().all()) {
    CheckpointStatus* described = status->add_checkpoints();
    described->set_step(step);
    described->set_committed_unix_ms(absl::ToUnixMillis(checkpoint.committed));
    described->set_bytes(checkpoint.bytes);
    described->set_files(checkpoint.files);
    described->set_directory(checkpoint.event.directory());
    const std::string kept =
        WhyKeptText(job.checkpoints().WhyKept(step, policy), policy);
    described->set_kept(!kept.empty()       ? kept
                        : IsHeld(job, step) ? "a job that waits starts from it"
                                            : "the next one takes its place");
  }
}

void ClusterState::FailJob(uint64_t id, const std::string& reason,
                           absl::Time now) {
  if (Job* job = Touch(id)) job->Fail(reason, now);
}

void ClusterState::RefuseCheckpoint(const CheckpointCommitted& checkpoint,
                                    const std::string& why, absl::Time now) {
  Job* job = Touch(checkpoint.job());
  if (job == nullptr) return;
  job->RefuseCheckpoint(checkpoint.step(), why, now);
  checkpoint_times_.Set(job->id(), job->NextCheckpointTime());
}

void ClusterState::FollowTimedCheckpoint(Job* job, absl::Time now) {
  if (job->FollowTimedCheckpoint(now)) TellMembers(job->id());
  checkpoint_times_.Set(job->id(), job->NextCheckpointTime());
}

std::vector<CheckpointOrder> ClusterState::CheckpointOrdersFor(
    uint64_t node) const {
  std::vector<CheckpointOrder> orders;
  if (membership_.Find(node) == nullptr) return orders;
  for (const uint64_t id : assignments_.JobsOf(node)) {
    const Job& job = jobs_.at(id);
    if (job.ordered_checkpoint() == 0 || !job.HoldsBlocks(node)) continue;
    CheckpointOrder order;
    order.set_job(id);
    order.set_step(job.ordered_checkpoint());
    orders.push_back(std::move(order));
  }
  return orders;
}

std::vector<CheckpointWritten> ClusterState::TakeAbandonedFiles() {
  std::vector<CheckpointWritten> files = std::exchange(abandoned_, {});
  for (const uint64_t id : active_) {
    for (CheckpointWritten& file : jobs_.at(id).TakeAbandonedFiles()) {
      files.push_back(std::move(file));
    }
  }
  return files;
}

void ClusterState::Tick(absl::Time now) {
  // Decide sees to those that are to be tried again.
  for (const uint64_t id : checkpoint_times_.TakeDue(now)) {
    FollowTimedCheckpoint(&jobs_.at(id), now);
  }
  for (const uint64_t id : readmissions_.TakeDue(now)) {
    Job& job = jobs_.at(id);
    job.Readmit(now);
    readmissions_.Set(id, job.NextReadmission());
  }
  for (const Membership::Lost& lost : membership_.Expire(now)) {
    Lose(lost.node,
         lost.was_awaited ? "did not come back after the scheduler restarted"
                          : "was lost: its lease ended",
         now);
  }
}

std::vector<const Job*> ClusterState::JobsWithOrdersFor(uint64_t node) const {
  std::vector<const Job*> jobs;
  for (const uint64_t id : assignments_.JobsOf(node)) {
    const Job& job = jobs_.at(id);
    const bool has_length = job.plan()->total_steps() != 0;
    const bool loads_data = !has_length && job.HasWorker(node);
    const bool serves = has_length && job.HasServer(node);
    const bool works =
        job.Works() && job.HasWorker(node) && !job.plan()->pause();
    if (loads_data || serves || works) jobs.push_back(&job);
  }
  return jobs;
}

absl::StatusOr<uint64_t> ClusterState::OrdersVersion(uint64_t node) const {
  if (membership_.Find(node) == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("node ", node, " has no lease; register again"));
  }
  // A hash (FNV-1a) of what the orders hold: the plans of one member are told
  // apart by job and incarnation.
  uint64_t version = 0xcbf29ce484222325;
  for (const Job* job : JobsWithOrdersFor(node)) {
    for (const uint64_t value : {job->id(), job->plan()->incarnation()}) {
      version = (version ^ value) * 0x100000001b3;
    }
  }
  return version;
}

absl::StatusOr<Orders> ClusterState::OrdersFor(uint64_t node) const {
  Orders orders;
  ASSIGN_OR_RETURN(const uint64_t version, OrdersVersion(node));
  orders.set_version(version);
  for (const Job* job : JobsWithOrdersFor(node)) {
    *orders.add_plans() = job->PlanFor(node);
  }
  return orders;
}

// --- Durable state -----------------------------------------------------------

void ClusterState::Restarted(absl::Time now) {
  // Nodes got numbers that stand nowhere in the journal.
  next_number_ = std::max(next_number_, reserved_limit_);
  for (const uint64_t id : active_) {
    Job& job = jobs_.at(id);
    // A cancel that was accepted is carried out, as Decide() says.
    if (!job.plan().has_value() || job.cancel_requested()) continue;
    job.Reattach(now);
    for (const ServerEndpoint& server : job.plan()->servers()) {
      membership_.Await(server.node(), {SERVER, server.address()}, now);
    }
    for (const MicroBatchRange& worker : job.plan()->workers()) {
      membership_.Await(worker.node(), {WORKER, ""}, now);
    }
  }
}

void ClusterState::Apply(const JournalEvent& event) {
  const absl::Time now = absl::FromUnixMillis(event.unix_ms());
  switch (event.event_case()) {
    case JournalEvent::kNumbersReserved:
      reserved_limit_ = event.numbers_reserved().limit();
      return;
    case JournalEvent::kJobAccepted: {
      const JobAccepted& accepted = event.job_accepted();
      auto layout = LayoutOf(accepted.spec().model());
      if (!layout.ok()) return;  // Submit has checked it
      next_number_ = std::max(next_number_, accepted.job() + 1);
      jobs_.try_emplace(accepted.job(), accepted.job(), accepted.spec(),
                        *std::move(layout), now);
      ReplaceName(accepted.spec().name(), accepted.job());
      start_order_.Accept(accepted.job(), accepted.spec());
      active_.insert(accepted.job());
      limits_.Set(accepted.job(), jobs_.at(accepted.job()).Deadline());
      ForgetOldJobs();
      NoteWhyJobsWait();
      return;
    }
    case JournalEvent::kJobPlanned:
      next_number_ =
          std::max(next_number_, event.job_planned().plan().incarnation() + 1);
      if (Job* job = Touch(event.job_planned().job())) {
        TellMembers(job->id());  // those of the plan before
        job->Adopt(event.job_planned().plan(), now);
        assignments_.Assign(job->id(), *job->plan());
        start_order_.Start(job->id());
        TellMembers(job->id());
      }
      NoteWhyJobsWait();
      return;
    case JournalEvent::kCancelRequested:
      if (Job* job = Touch(event.cancel_requested().job())) {
        job->RequestCancel(now);
      }
      return;
    case JournalEvent::kJobChanged:
      if (Job* job = Touch(event.job_changed().job())) {
        job->Change(event.job_changed(), now);
      }
      return;
    case JournalEvent::kNodeDrained:
      Drain(event.node_drained().node(), event.node_drained().undo(), now);
      return;
    case JournalEvent::kCheckpointCommitted:
      if (Job* job = Touch(event.checkpoint_committed().job())) {
        job->Commit(event.checkpoint_committed(), now);
      }
      return;
    case JournalEvent::kCheckpointDropped:
      if (Job* job = Touch(event.checkpoint_dropped().job())) {
        job->DropCheckpoint(event.checkpoint_dropped().step(), now);
      }
      return;
    case JournalEvent::kEpochFinished:
      if (Job* job = Touch(event.epoch_finished().job())) {
        job->FinishEpoch(event.epoch_finished().metrics(), now);
      }
      return;
    case JournalEvent::kJobRunning:
      if (Job* job = Touch(event.job_running().job())) {
        job->BeginToRun(now);
        TellMembers(job->id());
        start_order_.HasRead(job->id());
        limits_.Set(job->id(), job->Deadline());
        NoteWhyJobsWait();
      }
      return;
    case JournalEvent::kValidationMeasured:
      if (Job* job = Touch(event.validation_measured().job())) {
        job->RecordValidation(event.validation_measured());
      }
      return;
    case JournalEvent::kJobEnded:
      if (Job* job = Touch(event.job_ended().job())) {
        job->End(event.job_ended(), now);
        for (CheckpointWritten& file : job->TakeAbandonedFiles()) {
          abandoned_.push_back(std::move(file));
        }
        TellMembers(job->id());
        assignments_.Release(job->id());
        start_order_.End(job->id());
        active_.erase(job->id());
        limits_.Remove(job->id());
        checkpoint_times_.Remove(job->id());
        readmissions_.Remove(job->id());
      }
      NoteWhyJobsWait();
      return;
    case JournalEvent::EVENT_NOT_SET:
      return;
  }
}

void ClusterState::Drain(uint64_t node, bool undo, absl::Time now) {
  if (membership_.IsDraining(node) != undo) return;  // said again
  membership_.SetDraining(node, !undo);
  const Member* member = membership_.Find(node);
  if (member != nullptr && member->role == WORKER) {
    if (undo) {
      assignments_.WorkerJoins(node);
    } else {
      assignments_.WorkerLeaves(node);
    }
  }
  for (const uint64_t id : assignments_.JobsOf(node)) {
    Touch(id)->Log(now, "scheduler",
                   absl::StrCat("node ", node,
                                undo ? " is drained no more" : " is drained"));
  }
  NoteWhyJobsWait();
}

absl::Time ClusterState::NextDeadline() const {
  return std::min({membership_.NextDeadline(), limits_.First(),
                   checkpoint_times_.First(), readmissions_.First()});
}

Job* ClusterState::Touch(uint64_t id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return nullptr;
  news_.insert(id);
  return &found->second;
}

void ClusterState::TellMembers(uint64_t id) {
  const auto& nodes = assignments_.NodesOf(id);
  news_.insert(nodes.begin(), nodes.end());
}

void ClusterState::ReplaceName(const std::string& name, uint64_t id) {
  uint64_t& owner = names_[name];
  if (owner != 0) {
    news_.insert(owner);
    jobs_.erase(owner);
  }
  owner = id;
}

std::string ClusterState::WhyItWaits(const Job& job) const {
  if (const auto obstacle = start_order_.ObstacleOf(job.id())) {
    switch (obstacle->kind) {
      case StartOrder::Obstacle::kTurn:
        return absl::StrCat("waits for its turn among the users of ",
                            job.spec().personalise().of());
      case StartOrder::Obstacle::kWriter:
        return absl::StrCat("waits for the end of job ",
                            jobs_.at(obstacle->job).name(),
                            ", which writes the checkpoint it starts from");
      case StartOrder::Obstacle::kReader:
        return absl::StrCat("waits until job ", jobs_.at(obstacle->job).name(),
                            " has read a checkpoint from where it writes");
    }
  }
  const ResourcesSpec& wanted = job.spec().resources();
  return absl::StrCat("needs ", wanted.workers(), " workers and ",
                      job.servers_asked_for(), " servers; ",
                      assignments_.idle_workers().size(),
                      " workers are idle and ", membership_.ServersForWork(),
                      " servers are there");
}

void ClusterState::NoteWhyJobsWait() {
  const size_t servers = membership_.ServersForWork();
  for (const uint64_t id : active_) {
    Job& job = jobs_.at(id);
    const uint64_t before = job.revision();
    const uint32_t wanted = job.servers_asked_for();
    if (job.WaitsForServers() && servers < wanted) {
      job.SetWaitingReason(absl::StrCat("waits for ", wanted, " servers; ",
                                        servers, " are there"));
    }
    if (job.state() == QUEUED) job.SetWaitingReason(WhyItWaits(job));
    if (job.NeedsRollBack()) {
      job.SetWaitingReason(WhyItDoesNotRollBack(job, membership_));
    }
    if (job.revision() != before) news_.insert(id);
  }
}

void ClusterState::ForgetOldJobs() {
  size_t ended = jobs_.size() - active_.size();
  for (auto it = jobs_.begin(); it != jobs_.end() && ended > keep_ended_;) {
    if (!it->second.ended()) {
      ++it;
      continue;
    }
    names_.erase(it->second.name());
    news_.insert(it->first);
    it = jobs_.erase(it);
    --ended;
  }
}

}  // namespace hawser
