// What follows from the state: events that are to be written next.
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "scheduler/state/cluster_state.h"
#include "scheduler/state/journal_events.h"
#include "scheduler/state/planner.h"
#include "scheduler/state/roll_back.h"

namespace hawser {
namespace {

// Numbers are reserved in the journal by the thousand, not one by one.
constexpr uint64_t kReserveAtOnce = 1000;
constexpr uint64_t kReserveBelow = 100;

}  // namespace

std::vector<JournalEvent> ClusterState::Decide(absl::Time now) const {
  std::vector<JournalEvent> events;
  if (next_number_ + kReserveBelow > reserved_limit_) {
    events.push_back(EventAt(now));
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
  JournalEvent event = EventAt(now);
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
    event = EventAt(*since);
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

}  // namespace hawser
