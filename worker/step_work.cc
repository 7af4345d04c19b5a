#include "worker/step_work.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/counter_random.h"
#include "common/job/validation_chunks.h"
#include "common/log/log_context.h"
#include "common/metrics_proto.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/vector_ops.h"
#include "worker/gradient_guard.h"
#include "worker/layer_spans.h"

namespace hawser {

int64_t LargestBatch(const Plan& plan) {
  const ScheduleSpec& schedule = plan.spec().schedule();
  return schedule.global_batch() / schedule.micro_batches();
}

StepWork::StepWork(const Plan& plan, const Dataset* data, Model* model,
                   const Surroundings* surroundings)
    : plan_(plan),
      schedule_(plan),
      data_(data),
      model_(model),
      surroundings_(surroundings),
      pace_(surroundings),
      order_(plan.spec(), data->training_samples(), data->TrainingLabels()),
      local_steps_(plan) {}

void StepWork::Pin(const float* vector) {
  const auto [pinned, is_new] = pinned_.try_emplace(vector);
  if (!is_new) return;
  pinned->second =
      model_->Pin(const_cast<float*>(vector),
                  static_cast<int64_t>(plan_.parameters() * sizeof(float)));
}

SampleSums StepWork::Gradient(uint64_t optimizer_step, uint32_t micro_batch,
                              float scale, Parameters theta, float* gradient,
                              LayerObserver* observer) {
  const uint64_t seed = plan_.spec().seed();
  TraceSpan load(scope_, SPAN_LOAD_DATA);
  data_->FillTraining(order_.Positions(optimizer_step, micro_batch), seed,
                      order_.EpochOf(optimizer_step), &batch_);
  load.End();
  Pin(theta.theta);
  Pin(gradient);
  LayerSpans layers(scope_, plan_.layers_size(), observer);
  const SampleSums sums =
      model_->Gradient(theta, batch_, {seed, optimizer_step, micro_batch},
                       scale, gradient, &layers);
  pace_.AfterMicroBatch();
  return sums;
}

StepWork::Computed StepWork::MicroBatch(uint64_t step, uint32_t micro_batch,
                                        Parameters theta, float* gradient,
                                        LayerObserver* observer) {
  scope_ = ScopeOf(step);
  LogContext::SetStep(step);
  const bool is_recomputed = IsRecomputed(step, micro_batch);
  GradientGuard guard(plan_, gradient, is_recomputed, observer);
  Computed computed;
  computed.sums = Unguarded(step, micro_batch, theta, gradient, &guard);
  computed.not_finite_layer = guard.not_finite_layer();
  if (is_recomputed && !computed.not_finite_layer.has_value()) {
    computed.digest = guard.digest();
  }
  return computed;
}

SampleSums StepWork::Unguarded(uint64_t step, uint32_t micro_batch,
                               Parameters theta, float* gradient,
                               LayerObserver* observer) {
  const StepSchedule::OptimizerSteps steps = schedule_.At(step);
  if (schedule_.PhaseOf(step).synchronisation().local_steps() <= 1) {
    // So that the mean over the micro-batches is the mean over the samples,
    // also in an epoch's last, smaller step.
    const float scale =
        static_cast<float>(plan_.spec().schedule().micro_batches()) /
        static_cast<float>(order_.StepSamples(steps.first));
    return Gradient(steps.first, micro_batch, scale, theta, gradient, observer);
  }
  const int layers = plan_.layers_size();
  TraceSpan pull(scope_, SPAN_AWAIT_PULL);
  for (int k = 0; k < layers; ++k) {
    if (!observer->AwaitParameters(k)) return {};
  }
  pull.End();
  NoObserver nobody;
  TraceSpan local(scope_, SPAN_LOCAL_STEPS);
  const SampleSums sums = local_steps_.Change(
      theta.theta, steps,
      [&](uint64_t optimizer_step, const float* at, float* mean) {
        const auto samples =
            order_.Positions(optimizer_step, micro_batch).size();
        const float scale =
            1.0f / static_cast<float>(std::max<size_t>(1, samples));
        return Gradient(optimizer_step, micro_batch, scale, at, mean, &nobody);
      },
      gradient);
  local.End();
  for (int k = layers - 1; k >= 0; --k) observer->GradientDone(k);
  return sums;
}

bool StepWork::MayPushEarly() const {
  return plan_.spec().guards().not_finite() != SKIP_STEP;
}

absl::StatusOr<bool> StepWork::IsVoid(uint64_t step, uint32_t micro_batch,
                                      Computed* computed, float* gradient) {
  RETURN_IF_ERROR(model_->status());
  if (computed->digest.has_value()) {
    ReportRequest report;
    MicroBatchDigest* digest = report.mutable_micro_batch_digest();
    digest->set_step(step);
    digest->set_micro_batch(micro_batch);
    digest->set_crc32c(*computed->digest);
    Tell(std::move(report));
  }
  if (!computed->not_finite_layer.has_value()) return false;
  ReportRequest report;
  NotFinite* found = report.mutable_not_finite();
  found->set_step(step);
  found->set_micro_batch(micro_batch);
  found->set_layer(plan_.layers(*computed->not_finite_layer).name());
  if (MayPushEarly()) {
    RETURN_IF_ERROR(Send(std::move(report)));
    return absl::FailedPreconditionError(
        absl::StrCat("step ", step, ", micro-batch ", micro_batch,
                     ": the gradient is not finite"));
  }
  Tell(std::move(report));
  std::fill_n(gradient, plan_.parameters(), 0.0f);
  computed->sums = SampleSums();
  return true;
}

bool StepWork::IsRecomputed(uint64_t step, uint32_t micro_batch) const {
  const uint32_t every = plan_.spec().guards().recompute_every();
  // A job may have been set to another mode, whose gradients differ each time
  // that they are computed.
  return every != 0 &&
         schedule_.PhaseOf(step).synchronisation().mode() == SYNCHRONOUS &&
         CounterRandom(plan_.spec().seed(), RandomPurpose::kRecomputed, step)
                 .Below(micro_batch, every) == 0;
}

bool StepWork::Recomputes(uint64_t step) const {
  const MicroBatchRange& range = plan_.recomputed();
  for (uint32_t m = range.first(); m < range.last(); ++m) {
    if (IsRecomputed(step, m)) return true;
  }
  return false;
}

absl::Status StepWork::Recompute(uint64_t step, Parameters theta) {
  const MicroBatchRange& range = plan_.recomputed();
  recomputed_.resize(plan_.parameters());
  for (uint32_t m = range.first(); m < range.last(); ++m) {
    if (!IsRecomputed(step, m)) continue;
    const TraceSpan span(ScopeOf(step), SPAN_RECOMPUTE);
    NoObserver nobody;
    Computed computed = MicroBatch(step, m, theta, recomputed_.data(), &nobody);
    RETURN_IF_ERROR(IsVoid(step, m, &computed, recomputed_.data()).status());
  }
  return absl::OkStatus();
}

void StepWork::Clip(uint64_t step, uint32_t run, float* gradient_sum) const {
  const double limit = plan_.spec().optimizer().clip_global_norm();
  if (limit <= 0 ||
      schedule_.PhaseOf(step).synchronisation().local_steps() > 1) {
    return;
  }
  const auto n = static_cast<int64_t>(plan_.parameters());
  const double mean = 1.0 / run;
  const float factor =
      ClipFactor(SquaredNorm(gradient_sum, n) * mean * mean, limit);
  if (factor == 1.0f) return;
  for (int64_t i = 0; i < n; ++i) gradient_sum[i] *= factor;
}

absl::Status StepWork::Validate(uint64_t step, uint32_t first_chunk,
                                uint32_t last_chunk, Parameters theta) {
  const TraceSpan span(ScopeOf(step), SPAN_VALIDATE);
  const int64_t samples = data_->validation_samples();
  SampleSums sums;
  for (int64_t chunk = first_chunk; chunk < last_chunk; ++chunk) {
    const int64_t first = chunk * static_cast<int64_t>(kValidationChunk);
    data_->FillValidation(
        first, std::min<int64_t>(kValidationChunk, samples - first), &batch_);
    sums += model_->Evaluate(theta, batch_);
  }
  RETURN_IF_ERROR(model_->status());
  ReportRequest report;
  ValidationDone* done = report.mutable_validation_done();
  done->set_step(step);
  done->set_first_chunk(first_chunk);
  done->set_last_chunk(last_chunk);
  done->set_total_chunks(ValidationChunks(static_cast<uint64_t>(samples)));
  *done->mutable_metrics() = ToProto(sums);
  return Send(std::move(report));
}

absl::Status StepWork::ReportHash(uint64_t step, const float* theta) {
  for (const LayerShape& layer : plan_.layers()) {
    if (AllFinite(theta + layer.offset(),
                  static_cast<int64_t>(layer.elements()))) {
      continue;
    }
    ReportRequest report;
    report.mutable_not_finite()->set_step(step);
    report.mutable_not_finite()->set_layer(layer.name());
    report.mutable_not_finite()->set_parameters(true);
    RETURN_IF_ERROR(Send(std::move(report)));
    return absl::FailedPreconditionError(
        absl::StrCat("the parameters of step ", step, " are not finite"));
  }
  Sha256 hash;
  hash.Update(theta, plan_.parameters() * sizeof(float));
  ReportRequest report;
  report.mutable_parameters_hashed()->set_step(step);
  report.mutable_parameters_hashed()->set_sha256(hash.Hex());
  return Send(std::move(report));
}

ReportRequest StepWork::Filled(ReportRequest report) const {
  report.set_job(plan_.job());
  report.set_incarnation(plan_.incarnation());
  return report;
}

void StepWork::Tell(ReportRequest report) {
  if (surroundings_->tell) surroundings_->tell(Filled(std::move(report)));
}

absl::Status StepWork::Send(ReportRequest report) {
  return surroundings_->report(Filled(std::move(report)));
}

}  // namespace hawser
