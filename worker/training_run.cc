#include "worker/training_run.h"

#include "common/job/job_rules.h"
#include "common/job/validation_chunks.h"
#include "common/status_macros.h"
#include "glog/logging.h"

namespace hawser {

TrainingRun::TrainingRun(const Plan& plan, uint64_t node, uint64_t attempt,
                         const Dataset* data, Model* model,
                         const Surroundings* surroundings)
    : plan_(plan),
      schedule_(plan),
      client_(plan, node, surroundings->make_channel, surroundings->threads),
      work_(plan, data, model, surroundings),
      sum_(plan.spec().schedule().micro_batches(), model->parameters()),
      theta_(static_cast<size_t>(model->parameters())),
      leased_work_(plan, attempt, surroundings, &client_, &work_, &theta_) {
  for (const MicroBatchRange& range : plan.workers()) {
    if (range.node() != node) continue;
    first_ = range.first();
    last_ = range.last();
  }
}

void TrainingRun::Cancel() {
  work_.Cancel();
  client_.Cancel();
}

absl::Status TrainingRun::Run() {
  ASSIGN_OR_RETURN(const uint64_t step, client_.CurrentStep());
  LOG(INFO) << "job " << plan_.spec().name() << ", incarnation "
            << plan_.incarnation() << ": from step " << step;
  const absl::Status status = RunPhases(step);
  LOG(INFO) << "job " << plan_.spec().name() << ", incarnation "
            << plan_.incarnation() << ": sent " << client_.traffic().sent_bytes
            << " bytes, received " << client_.traffic().received_bytes
            << " bytes";
  return status;
}

absl::Status TrainingRun::RunPhases(uint64_t step) {
  RETURN_IF_ERROR(FinishBefore(step));
  for (;;) {
    const Phase& phase = schedule_.PhaseOf(step);
    if (UsesLeases(plan_.spec().scheduling(), phase.synchronisation())) {
      ASSIGN_OR_RETURN(step, leased_work_.Run(step));
    } else {
      ASSIGN_OR_RETURN(step, RunStatic(step));
    }
    if (step == schedule_.total_steps()) return absl::OkStatus();
  }
}

absl::Status TrainingRun::FinishBefore(uint64_t step) {
  if (step == 0) return absl::OkStatus();
  const Phase& phase = schedule_.PhaseOf(step - 1);
  const bool is_static =
      !UsesLeases(plan_.spec().scheduling(), phase.synchronisation()) &&
      first_ != last_;
  if (!is_static || !schedule_.EndsEpoch(step - 1)) return absl::OkStatus();
  const absl::Status pulled = client_.Pull(step - 1, theta_.data());
  // A block that is two steps on had pushes of workers that validated.
  if (absl::IsOutOfRange(pulled)) return absl::OkStatus();
  RETURN_IF_ERROR(pulled);
  return Validate(step - 1);
}

absl::StatusOr<uint64_t> TrainingRun::RunStatic(uint64_t step) {
  const uint64_t end = schedule_.EndOfPhase(schedule_.PhaseIndexOf(step));
  const bool is_last = end == schedule_.total_steps();
  const bool has_work = first_ != last_;
  if (is_last && !has_work) return end;  // more workers than work
  for (;; ++step) {
    if (step == end && !is_last) return end;  // the next phase's
    RETURN_IF_ERROR(client_.Pull(step, theta_.data()));
    if (!has_work) continue;
    if (schedule_.EndsEpoch(step)) RETURN_IF_ERROR(Validate(step));
    if (step == end) {
      if (first_ == 0) RETURN_IF_ERROR(work_.ReportHash(step, theta_.data()));
      return end;
    }
    RETURN_IF_ERROR(ComputeAndPush(step));
  }
}

absl::Status TrainingRun::ComputeAndPush(uint64_t step) {
  sum_.Clear();
  for (uint32_t m = first_; m < last_; ++m) {
    const SampleSums sums =
        work_.MicroBatch(step, m, theta_.data(), sum_.Next());
    sum_.Add(m, sums);
  }
  for (const GradientSum::Partial& partial : sum_.partials()) {
    RETURN_IF_ERROR(client_.Push(step, partial.node, partial.gradient.get(),
                                 partial.sums, /*want_acks=*/false));
  }
  return absl::OkStatus();
}

absl::Status TrainingRun::Validate(uint64_t step) {
  // The same share as of the micro-batches, which all workers together cover
  // once.
  const uint64_t all = plan_.spec().schedule().micro_batches();
  const uint64_t chunks = ValidationChunks(plan_.validation_samples());
  const auto first = static_cast<uint32_t>(first_ * chunks / all);
  const auto last = static_cast<uint32_t>(last_ * chunks / all);
  if (first == last) return absl::OkStatus();
  return work_.Validate(step, first, last, theta_.data());
}

}  // namespace hawser
