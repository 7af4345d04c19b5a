#include "scheduler/scheduler_metrics.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "common/job/figures.h"
#include "common/metrics_proto.h"

namespace hawser {
namespace {

using Labels = MetricFamilies::Labels;

constexpr Role kRoles[] = {SERVER, WORKER};
constexpr JobState kStates[] = {QUEUED,    STARTING, RUNNING,  FINISHING,
                                SUCCEEDED, FAILED,   CANCELLED};

std::string Lower(const std::string& name) {
  return absl::AsciiStrToLower(name);
}

const char* NameOf(LossReason reason) {
  switch (reason) {
    case LossReason::kLeaseExpired:
      return "lease_expired";
    case LossReason::kDidNotComeBack:
      return "did_not_come_back";
    case LossReason::kLeft:
      return "left";
    case LossReason::kStartedOver:
      return "started_over";
  }
  return "unknown";
}

constexpr LossReason kLossReasons[] = {
    LossReason::kLeaseExpired, LossReason::kDidNotComeBack, LossReason::kLeft,
    LossReason::kStartedOver};

void CollectMembers(const ClusterState& state, absl::Time now,
                    MetricFamilies* families) {
  std::map<Role, double> members;
  std::map<Role, double> idle;
  std::map<Role, absl::Duration> silence;
  for (const auto& [node, member] : state.membership().members()) {
    members[member.role] += 1;
    if (state.assignments().JobsOf(node).empty()) idle[member.role] += 1;
    absl::Duration& longest = silence[member.role];
    longest = std::max(longest, now - member.last_heartbeat);
  }
  for (const Role role : kRoles) {
    const Labels labels = {{"role", Lower(Role_Name(role))}};
    families->Gauge("hawser_scheduler_members",
                    "Members that hold a lease, by role.", members[role],
                    labels);
    families->Gauge("hawser_scheduler_members_idle",
                    "Members that serve no job, by role.", idle[role], labels);
    families->Gauge("hawser_scheduler_heartbeat_age_seconds",
                    "The longest that any member has been silent, by role.",
                    absl::ToDoubleSeconds(silence[role]), labels);
  }
  for (const Role role : kRoles) {
    for (const LossReason reason : kLossReasons) {
      const MemberLosses& losses = state.membership().losses();
      const auto lost = losses.find({role, reason});
      families->Counter(
          "hawser_scheduler_members_lost_total",
          "Members that are not there any more, by role and reason.",
          lost == losses.end() ? 0 : static_cast<double>(lost->second),
          {{"role", Lower(Role_Name(role))}, {"reason", NameOf(reason)}});
    }
  }
}

void CollectFigures(const std::string& of, const Figures& figures,
                    const Labels& job, MetricFamilies* families) {
  families->Gauge("hawser_job_" + of + "_loss",
                  "Mean loss in nats a sample, of text a token.", figures.loss,
                  job);
  if (!figures.accuracy.has_value()) return;
  families->Gauge("hawser_job_" + of + "_accuracy",
                  "Share of samples whose label was found.", *figures.accuracy,
                  job);
}

void CollectProgress(const Job& job, const Labels& label,
                     MetricFamilies* families) {
  const JobProgress& progress = job.progress();
  const auto number = [](uint64_t n) { return static_cast<double>(n); };
  families->Gauge("hawser_job_step",
                  "Steps that are made; less after a "
                  "roll-back.",
                  number(progress.step()), label);
  families->Gauge("hawser_job_steps", "Steps of the whole job; 0: not known.",
                  number(progress.total_steps()), label);
  families->Gauge("hawser_job_epoch", "Epochs that are whole.",
                  number(progress.epochs_finished()), label);
  const double samples = progress.SamplesPerSecond();
  families->Gauge("hawser_job_samples_per_second",
                  "Samples trained, over the last seconds.", samples, label);
  if (job.spec().model().has_gpt()) {
    families->Gauge("hawser_job_tokens_per_second",
                    "Tokens trained, over the last seconds.",
                    samples * number(TokensPerSample(job.spec().model())),
                    label);
  }
  if (progress.last_training().samples != 0) {
    CollectFigures(
        "training",
        TrainingFigures(ToProto(progress.last_training()), job.spec().model()),
        label, families);
  }
  if (!progress.finished().empty() &&
      progress.finished().back().has_validation()) {
    CollectFigures("validation",
                   ValidationFigures(progress.finished().back().validation(),
                                     job.spec().model(),
                                     /*validation_bytes=*/0),
                   label, families);
  }
}

void CollectCheckpoints(const Job& job, absl::Time now, const Labels& label,
                        MetricFamilies* families) {
  const CheckpointList::Checkpoint* newest = job.checkpoints().Newest();
  // What would be lost with a server: all since then, or since it runs.
  const absl::Time since =
      newest != nullptr ? newest->committed : job.running_since();
  if (since != absl::InfiniteFuture()) {
    families->Gauge("hawser_job_checkpoint_age_seconds",
                    "Since the last checkpoint; without one, since the job "
                    "runs.",
                    absl::ToDoubleSeconds(now - since), label);
  }
  families->Counter("hawser_job_checkpoints_failed_total",
                    "Checkpoints that could not be written.",
                    static_cast<double>(job.pending_checkpoints().failed()),
                    label);
  families->Counter("hawser_job_checkpoints_skipped_total",
                    "Checkpoints that were due too soon after another.",
                    static_cast<double>(job.pending_checkpoints().skipped()),
                    label);
}

void CollectIncarnations(const Job& job, const std::string& name,
                         MetricFamilies* families) {
  for (size_t reason = 0; reason < kIncarnationReasons; ++reason) {
    families->Counter(
        "hawser_job_incarnations_total",
        "How often the job's members were told anew who does what, by reason.",
        static_cast<double>(job.incarnations()[reason]),
        {{"job_name", name},
         {"reason", NameOf(static_cast<IncarnationReason>(reason))}});
  }
}

void CollectJob(const Job& job, absl::Time now, MetricFamilies* families) {
  const std::string& name = job.name();
  const Labels label = {{"job_name", name}};
  families->Gauge(
      "hawser_job_state", "1, with the state that the job is in.", 1,
      {{"job_name", name}, {"state", Lower(JobState_Name(job.state()))}});
  families->Gauge("hawser_job_waits",
                  "1: it waits, for what `hawser job` says.",
                  job.WhyItWaits().empty() ? 0 : 1, label);
  families->Gauge("hawser_job_age_seconds", "Since it was accepted.",
                  absl::ToDoubleSeconds(now - job.accepted()), label);
  families->Gauge("hawser_job_workers", "Workers that it has.",
                  job.plan().has_value()
                      ? static_cast<double>(job.plan()->workers_size())
                      : 0,
                  label);
  families->Gauge("hawser_job_workers_wanted", "Workers that it asks for.",
                  static_cast<double>(job.spec().resources().workers()), label);
  families->Counter("hawser_job_micro_batches_not_finite_total",
                    "Micro-batches whose gradient was infinite or not a "
                    "number and was left out.",
                    static_cast<double>(job.micro_batches_not_finite()), label);
  CollectProgress(job, label, families);
  CollectCheckpoints(job, now, label, families);
  CollectIncarnations(job, name, families);
}

}  // namespace

void CollectStateMetrics(const ClusterState& state, absl::Time now,
                         MetricFamilies* families) {
  CollectMembers(state, now, families);
  std::map<JobState, double> states;
  size_t told = 0;
  size_t active = 0;
  for (const Job* job : state.Jobs()) {
    states[job->state()] += 1;
    if (job->ended() || ++active > MetricFamilies::kMaxJobs) continue;
    ++told;
    CollectJob(*job, now, families);
  }
  for (const JobState job_state : kStates) {
    families->Gauge("hawser_scheduler_jobs",
                    "Jobs that are known, by state; of ended ones the last "
                    "1000.",
                    states[job_state],
                    {{"state", Lower(JobState_Name(job_state))}});
  }
  families->Gauge("hawser_scheduler_jobs_untold",
                  "Jobs beyond the limit on those with figures of their own.",
                  static_cast<double>(active - told));
}

}  // namespace hawser
