// What clients ask for: each request becomes an event, or is refused.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/job/job_rules.h"
#include "common/job/personalise.h"
#include "common/status_macros.h"
#include "scheduler/state/cluster_state.h"
#include "scheduler/state/journal_events.h"

namespace hawser {
namespace {

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

}  // namespace

absl::StatusOr<std::vector<JournalEvent>> ClusterState::Submit(
    const JobSpec& spec, absl::Time now) const {
  ASSIGN_OR_RETURN(std::vector<JobSpec> jobs, JobsOf(spec));
  std::vector<JournalEvent> events;
  for (JobSpec& job : jobs) {
    const absl::Status known = CheckKnown(job);
    if (known.ok()) continue;
    if (!absl::IsNotFound(known)) return known;
    RETURN_IF_ERROR(CheckWritesAlone(job));
    JournalEvent event = EventAt(now);
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

absl::Status ClusterState::CheckWritesAlone(const JobSpec& complete) const {
  const auto writer = start_order_.WriterBeside(complete);
  if (!writer.has_value()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "job ", complete.name(), " would write its checkpoints to ",
      complete.checkpoint().directory(), ", where job ",
      jobs_.at(*writer).name(),
      " writes, which has not ended; choose another checkpoint.directory, or "
      "wait for its end"));
}

absl::StatusOr<JournalEvent> ClusterState::Cancel(const std::string& name,
                                                  absl::Time now) const {
  ASSIGN_OR_RETURN(const Job* job, FindJob(name));
  if (job->ended()) {
    return absl::FailedPreconditionError(
        absl::StrCat("job ", name, " has ended already"));
  }
  JournalEvent event = EventAt(now);
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
  JournalEvent event = EventAt(now);
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
    ASSIGN_OR_RETURN(*event.mutable_job_changed()->mutable_synchronisation(),
                     Changed(*job, request));
  }
  return event;
}

absl::StatusOr<JournalEvent> ClusterState::Drain(
    const DrainNodeRequest& request, absl::Time now) const {
  if (membership_.Find(request.node()) == nullptr) {
    return absl::NotFoundError(absl::StrCat(
        "no node ", request.node(), "; `hawser nodes` lists those there are"));
  }
  JournalEvent event = EventAt(now);
  event.mutable_node_drained()->set_node(request.node());
  event.mutable_node_drained()->set_undo(request.undo());
  return event;
}

}  // namespace hawser
