#include "scheduler/state/cluster_state.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/job/job_rules.h"
#include "common/job/model_layout.h"
#include "common/job/personalise.h"
#include "common/job/rules/replica_rules.h"
#include "common/status_macros.h"
#include "scheduler/state/drains.h"
#include "scheduler/state/planner.h"
#include "scheduler/state/roll_back.h"

namespace hawser {
namespace {

// Numbers are reserved in the journal by the thousand, not one by one.
constexpr uint64_t kReserveAtOnce = 1000;
constexpr uint64_t kReserveBelow = 100;

JournalEvent At(absl::Time now) {
  JournalEvent event;
  event.set_unix_ms(absl::ToUnixMillis(now));
  return event;
}

constexpr uint32_t kMaxServersOfJob = 1000;

// With nothing to change, what is said of it is checked all the same.
bool ChangesSynchronisation(const ChangeJobRequest& request) {
  return request.has_mode() || request.has_staleness() ||
         request.has_staleness_seconds() || request.has_local_steps() ||
         request.has_scale_by_staleness() || !request.has_servers();
}

// What is asked for, and what goes with it: a bound that the new mode does not
// have is dropped, unless it is asked for, which is an error.
absl::StatusOr<SynchronisationSpec> Changed(const Job& job,
                                            const ChangeJobRequest& request) {
  SynchronisationSpec spec = job.synchronisation();
  if (request.has_mode()) spec.set_mode(request.mode());
  if (spec.mode() != BOUNDED_STALENESS || request.has_staleness() ||
      request.has_staleness_seconds()) {
    spec.clear_staleness();
    spec.clear_staleness_seconds();
  }
  if (spec.mode() == SYNCHRONOUS) spec.clear_scale_by_staleness();
  if (request.has_staleness()) spec.set_staleness(request.staleness());
  if (request.has_staleness_seconds()) {
    spec.set_staleness_seconds(request.staleness_seconds());
  }
  if (request.has_local_steps()) spec.set_local_steps(request.local_steps());
  *spec.mutable_outer() = job.spec().synchronisation().outer();
  if (spec.local_steps() <= 1) spec.clear_outer();
  if (request.has_scale_by_staleness()) {
    spec.set_scale_by_staleness(request.scale_by_staleness());
  }
  return CompleteSynchronisation(spec);
}

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

// --- Requests of clients ---------------------------------------------------

absl::StatusOr<std::vector<JournalEvent>> ClusterState::Submit(
    const JobSpec& spec, absl::Time now) const {
  ASSIGN_OR_RETURN(std::vector<JobSpec> jobs, JobsOf(spec));
  std::vector<JournalEvent> events;
  for (JobSpec& job : jobs) {
    const absl::Status known = CheckKnown(job);
    if (known.ok()) continue;
    if (!absl::IsNotFound(known)) return known;
    JournalEvent event = At(now);
    event.mutable_job_accepted()->set_job(next_number_ + events.size());
    *event.mutable_job_accepted()->mutable_spec() = std::move(job);
    events.push_back(std::move(event));
  }
  if (active_.size() + events.size() > kMaxActiveJobs) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "at most ", kMaxActiveJobs, " jobs wait or run; cancel some, or wait"));
  }
  return events;
}

absl::Status ClusterState::CheckKnown(const JobSpec& complete) const {
  const auto found = names_.find(complete.name());
  if (found == names_.end()) return absl::NotFoundError("");
  const Job& job = jobs_.at(found->second);
  if (!complete.has_personalise() ||
      job.spec().personalise().of() != complete.personalise().of()) {
    return absl::AlreadyExistsError(
        absl::StrCat("a job named ", complete.name(),
                     " exists already; choose another name"));
  }
  if (job.ended() && job.state() != SUCCEEDED) return absl::NotFoundError("");
  if (HaveSameResult(job.spec(), complete)) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      "job ", complete.name(), job.ended() ? " is done" : " waits or runs",
      " with other settings than these; choose another name"));
}

absl::StatusOr<JournalEvent> ClusterState::Cancel(const std::string& name,
                                                  absl::Time now) const {
  ASSIGN_OR_RETURN(const Job* job, FindJob(name));
  if (job->ended()) {
    return absl::FailedPreconditionError(
        absl::StrCat("job ", name, " has ended already"));
  }
  JournalEvent event = At(now);
  event.mutable_cancel_requested()->set_job(job->id());
  return event;
}

absl::StatusOr<JournalEvent> ClusterState::Change(
    const ChangeJobRequest& request, absl::Time now) const {
  ASSIGN_OR_RETURN(const Job* job, FindJob(request.name()));
  if (job->ended() || job->state() == FINISHING) {
    return absl::FailedPreconditionError(absl::StrCat(
        "job ", request.name(), " has made its last step; nothing changes it"));
  }
  if (job->plan().has_value() &&
      job->plan()->phases_size() >= Job::kMaxPhases) {
    return absl::ResourceExhaustedError(
        absl::StrCat("job ", request.name(), " has been changed ",
                     Job::kMaxPhases - 1, " times already, which is the most"));
  }
  JournalEvent event = At(now);
  event.mutable_job_changed()->set_job(job->id());
  if (request.has_servers()) {
    if (request.servers() < 1 || request.servers() > kMaxServersOfJob) {
      return absl::InvalidArgumentError(
          absl::StrCat("servers: ", request.servers(), "; a job is on 1 to ",
                       kMaxServersOfJob));
    }
    event.mutable_job_changed()->set_servers(request.servers());
  }
  if (ChangesSynchronisation(request)) {
    ASSIGN_OR_RETURN(const SynchronisationSpec changed, Changed(*job, request));
    RETURN_IF_ERROR(CheckReplicas(job->spec().resources(),
                                  job->spec().scheduling(), changed));
    *event.mutable_job_changed()->mutable_synchronisation() = changed;
  }
  return event;
}

absl::StatusOr<JournalEvent> ClusterState::Drain(
    const DrainNodeRequest& request, absl::Time now) const {
  if (membership_.Find(request.node()) == nullptr) {
    return absl::NotFoundError(absl::StrCat(
        "no node ", request.node(), "; `hawser nodes` lists those there are"));
  }
  JournalEvent event = At(now);
  event.mutable_node_drained()->set_node(request.node());
  event.mutable_node_drained()->set_undo(request.undo());
  return event;
}

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

// --- Members ---------------------------------------------------------------

absl::StatusOr<uint64_t> ClusterState::Register(const RegisterRequest& request,
                                                absl::Time now) {
  if (request.role() != SERVER && request.role() != WORKER) {
    return absl::InvalidArgumentError("a member is a server or a worker");
  }
  if (request.role() == SERVER && request.address().empty()) {
    return absl::InvalidArgumentError("a server needs an address");
  }
  if (membership_.MayComeBack(request)) {
    membership_.Register(request.former_node(), request, now);
    Welcome(request.former_node(), request.role());
    return request.former_node();
  }
  if (membership_.members().size() >= kMaxMembers) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the cluster has ", kMaxMembers, " members already"));
  }
  if (next_number_ >= reserved_limit_) {
    return absl::UnavailableError("the journal has not reserved a number yet");
  }
  if (request.role() == SERVER) {
    // Its process is another by now, or never learned the number.
    const std::optional<uint64_t> before =
        membership_.FindServer(request.address());
    if (before.has_value()) {
      membership_.Deregister(*before, LossReason::kStartedOver);
      Lose(*before, "has started over", now);
    }
  }
  const uint64_t node = next_number_++;
  membership_.Register(node, request, now);
  Welcome(node, request.role());
  return node;
}

void ClusterState::Welcome(uint64_t node, Role role) {
  if (role == WORKER && !membership_.IsDraining(node)) {
    assignments_.WorkerJoins(node);
  }
  NoteWhyJobsWait();
}

absl::Status ClusterState::Renew(uint64_t node, absl::Time now) {
  if (membership_.Renew(node, now)) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("node ", node, " has no lease; register again"));
}

void ClusterState::NoteLoads(
    uint64_t node, const google::protobuf::RepeatedPtrField<ServerLoad>& loads,
    absl::Time now) {
  for (const ServerLoad& load : loads) {
    const auto found = jobs_.find(load.job());
    if (found != jobs_.end()) found->second.NoteLoad(node, load, now);
  }
}

void ClusterState::Doubt(uint64_t node, absl::Time now) {
  const auto& jobs = assignments_.JobsOf(node);
  const bool costs_nothing =
      !jobs.empty() && std::all_of(jobs.begin(), jobs.end(), [&](uint64_t id) {
        return jobs_.at(id).SurvivesWithout(node);
      });
  if (costs_nothing) membership_.Doubt(node, now);
}

void ClusterState::Deregister(uint64_t node, absl::Time now) {
  if (membership_.Deregister(node)) Lose(node, "has left", now);
}

void ClusterState::Lose(uint64_t node, const std::string& why, absl::Time now) {
  news_.insert(node);
  assignments_.WorkerLeaves(node);
  for (const uint64_t id : assignments_.JobsOf(node)) {
    Job* job = Touch(id);
    job->MemberLost(node, why, now);
    // Without a server there is nothing for its workers to do.
    if (job->IsBroken()) TellMembers(id);
  }
  NoteWhyJobsWait();
}

absl::Status ClusterState::Report(const ReportRequest& report, absl::Time now) {
  if (membership_.Find(report.node()) == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("node ", report.node(), " has no lease"));
  }
  Job* job = Touch(report.job());
  if (job == nullptr) {
    // NOT_FOUND would say that the member is unknown.
    return absl::FailedPreconditionError(absl::StrCat("no job ", report.job()));
  }
  const bool were_ready = job->ServersReady();
  RETURN_IF_ERROR(job->Report(report, now));
  if (job->ServersReady() != were_ready) {
    start_order_.HasRead(job->id());
    NoteWhyJobsWait();
    TellMembers(job->id());
    limits_.Set(job->id(), job->Deadline());
  }
  if (report.has_data_loaded()) NoteWhyJobsWait();
  FollowTimedCheckpoint(job, now);
  return absl::OkStatus();
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

std::vector<JournalEvent> ClusterState::Decide(absl::Time now) const {
  std::vector<JournalEvent> events;
  if (next_number_ + kReserveBelow > reserved_limit_) {
    events.push_back(At(now));
    events.back().mutable_numbers_reserved()->set_limit(next_number_ +
                                                        kReserveAtOnce);
    return events;  // what follows may need the numbers
  }
  for (const uint64_t id : active_) {
    DecideJob(jobs_.at(id), now, &events);
    // One change at a time: the next is decided on what it has made.
    if (!events.empty()) return events;
  }
  return events;
}

void ClusterState::DecideJob(const Job& job, absl::Time now,
                             std::vector<JournalEvent>* events) const {
  JournalEvent event = At(now);
  // Before the end: a job that has ended changes no more.
  if (DecideDrop(job, event.mutable_checkpoint_dropped())) {
    events->push_back(event);
    return;
  }
  if (DecideEnd(job, now, event.mutable_job_ended())) {
    events->push_back(event);
    return;
  }
  if (const auto since = job.BeginningToRecord(); since.has_value()) {
    event = At(*since);
    event.mutable_job_running()->set_job(job.id());
    events->push_back(event);
    return;
  }
  if (const auto epoch = job.progress().FinishedEpoch(); epoch.has_value()) {
    event.mutable_epoch_finished()->set_job(job.id());
    *event.mutable_epoch_finished()->mutable_metrics() = *epoch;
    event.mutable_epoch_finished()->mutable_metrics()->set_seconds(
        job.SecondsRunning(now));
    events->push_back(event);
    return;
  }
  if (const auto validation = job.progress().ValidationToRecord();
      validation.has_value()) {
    event.mutable_validation_measured()->set_job(job.id());
    event.mutable_validation_measured()->set_step(validation->first);
    *event.mutable_validation_measured()->mutable_metrics() =
        validation->second;
    events->push_back(event);
    return;
  }
  if (const auto checkpoint = job.CompleteCheckpoint(now);
      checkpoint.has_value()) {
    *event.mutable_checkpoint_committed() = *checkpoint;
    events->push_back(event);
    return;
  }
  if (!job.plan().has_value() &&
      start_order_.ObstacleOf(job.id()).has_value()) {
    return;
  }
  const std::optional<Plan> plan = NextPlan(
      job, jobs_, membership_, assignments_.idle_workers(), next_number_);
  if (!plan.has_value()) return;
  event.mutable_job_planned()->set_job(job.id());
  *event.mutable_job_planned()->mutable_plan() = *plan;
  events->push_back(event);
}

// By a job that waits, and names it in `from`.
bool ClusterState::IsHeld(const Job& job, uint64_t step) const {
  return start_order_.IsToBeRead(
      absl::StrCat(job.spec().checkpoint().directory(), "/step-", step));
}

bool ClusterState::DecideDrop(const Job& job, CheckpointDropped* drop) const {
  const auto step = job.checkpoints().Surplus(
      job.spec().checkpoint(),
      [&](uint64_t candidate) { return IsHeld(job, candidate); });
  if (!step.has_value()) return false;
  drop->set_job(job.id());
  drop->set_step(*step);
  drop->set_directory(job.checkpoints().Find(*step)->event.directory());
  return true;
}

bool ClusterState::DecideEnd(const Job& job, absl::Time now,
                             JobEnded* end) const {
  end->set_job(job.id());
  if (job.Finished()) {
    end->set_state(SUCCEEDED);
    end->set_parameters_sha256(job.parameters_sha256());
    return true;
  }
  if (job.cancel_requested()) {
    end->set_state(CANCELLED);
    end->set_reason("cancelled by a user");
    return true;
  }
  if (job.failure().has_value()) {
    end->set_state(FAILED);
    end->set_reason(*job.failure());
    return true;
  }
  if (job.Deadline() <= now) {
    end->set_state(FAILED);
    end->set_reason(job.DeadlineReason());
    return true;
  }
  return false;
}

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
  return std::min(
      {membership_.NextDeadline(), limits_.First(), checkpoint_times_.First()});
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
  for (auto it = jobs_.begin(); it != jobs_.end() && ended > kMaxEndedJobs;) {
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
