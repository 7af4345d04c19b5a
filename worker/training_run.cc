#include "worker/training_run.h"

#include "common/job/job_rules.h"
#include "common/job/validation_chunks.h"
#include "common/status_macros.h"
#include "glog/logging.h"

namespace hawser {

using Floats = ParameterClient::Floats;

TrainingRun::TrainingRun(const Plan& plan, uint64_t node, uint64_t attempt,
                         const Dataset* data, Model* model,
                         const Surroundings* surroundings)
    : plan_(plan),
      schedule_(plan),
      work_(plan, data, model, surroundings),
      theta_(static_cast<size_t>(model->parameters())),
      step_run_(plan, &work_, &client_, surroundings->clock,
                surroundings->memory),
      leased_work_(plan, attempt, surroundings, &client_, &work_, &step_run_,
                   &theta_),
      client_(plan, node, surroundings->make_channel, surroundings->threads,
              surroundings->trace) {
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
  has_begun_ = true;
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
  if (!is_static || !ValidatesAt(step - 1)) return absl::OkStatus();
  const absl::Status pulled =
      client_.Pull(step - 1, theta_.data(), Floats::kExact);
  // A block that is two steps on had pushes of workers that validated.
  if (absl::IsOutOfRange(pulled)) return absl::OkStatus();
  RETURN_IF_ERROR(pulled);
  return Validate(step - 1, work_.Named(theta_.data()));
}

absl::StatusOr<uint64_t> TrainingRun::RunStatic(uint64_t step) {
  const uint64_t end = schedule_.EndOfPhase(schedule_.PhaseIndexOf(step));
  const bool is_last = end == schedule_.total_steps();
  const bool has_work = first_ != last_;
  if (!has_work) return IdleUntil(step, end);
  const bool is_lossy = !client_.codecs().pull().is_float32();
  const auto floats = [&](uint64_t version) {
    const bool is_measured =
        ValidatesAt(version) || (is_last && version == end);
    return is_measured ? Floats::kExact : Floats::kByCodec;
  };
  client_.StartPull(step, theta_.data(), floats(step));
  for (;; ++step) {
    const TraceSpan span(work_.ScopeOf(step), SPAN_STEP);
    Parameters theta = work_.Named(theta_.data());  // of this step
    if (ValidatesAt(step)) {
      TraceSpan pull(work_.ScopeOf(step), SPAN_AWAIT_PULL);
      RETURN_IF_ERROR(client_.AwaitLayers());
      pull.End();
      RETURN_IF_ERROR(Validate(step, theta));
    }
    if (step == end) break;
    if (is_lossy && ValidatesAt(step)) {
      // Gradients are computed with what everybody computes them with.
      client_.StartPull(step, theta_.data());
      theta = work_.Named(theta_.data());
    }
    if (work_.Recomputes(step)) {
      RETURN_IF_ERROR(client_.AwaitLayers());
      RETURN_IF_ERROR(work_.Recompute(step, theta));
    }
    // The version that the next phase begins with is asked for by it.
    const bool next_version = is_last || step + 1 < end;
    RETURN_IF_ERROR(
        step_run_
            .Do(step, first_, last_, theta,
                {.next_version = next_version, .next = floats(step + 1)})
            .status());
    if (!next_version) return end;
  }
  RETURN_IF_ERROR(client_.AwaitLayers());
  if (first_ == 0) RETURN_IF_ERROR(work_.ReportHash(end, theta_.data()));
  return end;
}

absl::StatusOr<uint64_t> TrainingRun::IdleUntil(uint64_t step, uint64_t end) {
  if (end == schedule_.total_steps()) return end;
  for (; step < end; ++step) {
    RETURN_IF_ERROR(client_.Pull(step, theta_.data()));
  }
  return end;
}

bool TrainingRun::ValidatesAt(uint64_t step) const {
  return schedule_.EndsEpoch(step) || (step == 0 && plan_.spec().has_from());
}

absl::Status TrainingRun::Validate(uint64_t step, Parameters theta) {
  // The same share as of the micro-batches, which all workers together cover
  // once.
  const uint64_t all = plan_.spec().schedule().micro_batches();
  const uint64_t chunks = ValidationChunks(plan_.validation_samples());
  const auto first = static_cast<uint32_t>(first_ * chunks / all);
  const auto last = static_cast<uint32_t>(last_ * chunks / all);
  if (first == last) return absl::OkStatus();
  return work_.Validate(step, first, last, theta);
}

}  // namespace hawser
