// How a job is, in words and figures, for people and for the clock.
#include "absl/strings/str_cat.h"
#include "common/metrics_proto.h"
#include "scheduler/state/job.h"

namespace hawser {

double Job::SecondsRunning(absl::Time now) const {
  if (running_since_ == absl::InfiniteFuture()) return 0;
  return absl::ToDoubleSeconds((ended() ? ended_at_ : now) - running_since_);
}

absl::Time Job::Deadline() const {
  if (ended()) return absl::InfiniteFuture();
  const LimitsSpec& limits = spec_.limits();
  const bool runs = running_since_ != absl::InfiniteFuture();
  const double limit = runs ? limits.max_seconds() : limits.max_queue_seconds();
  if (limit == 0) return absl::InfiniteFuture();
  return (runs ? running_since_ : accepted_) + absl::Seconds(limit);
}

std::string Job::DeadlineReason() const {
  return running_since_ != absl::InfiniteFuture()
             ? absl::StrCat("ran longer than limits.max_seconds, ",
                            spec_.limits().max_seconds())
             : absl::StrCat("waited longer than limits.max_queue_seconds, ",
                            spec_.limits().max_queue_seconds());
}

void Job::Describe(bool with_plan, absl::Time now, JobStatus* status) const {
  DescribeBriefly(now, status);
  for (const EpochMetrics& epoch : progress_.finished()) {
    *status->add_epochs_done() = epoch;
  }
  *status->mutable_spec() = spec_;
  *status->mutable_spec()->mutable_synchronisation() = synchronisation();
  status->mutable_spec()->mutable_resources()->set_servers(servers_asked_for());
  if (with_plan && plan_.has_value()) *status->mutable_plan() = *plan_;
}

void Job::DescribeBriefly(absl::Time now, JobStatus* status) const {
  status->set_name(name());
  status->set_job(id_);
  status->set_state(state());
  status->set_reason(end_.has_value() ? end_->reason() : WhyItWaits());
  status->set_revision(revision_);
  status->set_step(progress_.step());
  status->set_total_steps(progress_.total_steps());
  if (plan_.has_value()) {
    status->set_steps_per_epoch(plan_->steps_per_epoch());
    status->set_validation_bytes(plan_->validation_bytes());
  }
  status->set_epoch(progress_.epochs_finished());
  status->set_epochs(progress_.epochs());
  if (progress_.last_training().samples != 0) {
    *status->mutable_last_training() = ToProto(progress_.last_training());
  }
  if (!progress_.finished().empty()) {
    *status->mutable_last_epoch() = progress_.finished().back();
  }
  if (const auto before = progress_.ValidationBefore(); before.has_value()) {
    *status->mutable_validation_before() = *before;
  }
  status->set_samples_per_second(progress_.SamplesPerSecond());
  status->set_seconds_left(progress_.SecondsLeft());
  status->set_seconds_running(SecondsRunning(now));
  if (ended()) {
    status->set_seconds_left(0);
    status->set_parameters_sha256(end_->parameters_sha256());
    status->set_ended_unix_ms(absl::ToUnixMillis(ended_at_));
  }
  status->set_micro_batches_not_finite(guards_.micro_batches_not_finite());
  status->set_output(output_);
  status->set_checkpoint_step(checkpoint_step_);
  status->set_checkpoints_failed(pending_.failed());
  status->set_checkpoints_skipped(pending_.skipped());
  status->set_checkpoint_problem(pending_.problem());
  status->set_submitted_unix_ms(absl::ToUnixMillis(accepted_));
  if (!plan_.has_value()) return;
  status->set_incarnation(plan_->incarnation());
  status->set_blocks_since(plan_->blocks_since());
  status->set_restored_step(plan_->restore().step());
}

std::string Job::WhyItWaits() const {
  const bool waits_for_checkpoint =
      state() == FINISHING && waiting_reason_.empty();
  return waits_for_checkpoint ? pending_.problem() : waiting_reason_;
}

void Job::Log(absl::Time now, const std::string& source,
              const std::string& text) {
  ++revision_;
  log_.Add(now, source, text);
}

}  // namespace hawser
