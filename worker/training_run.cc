#include "worker/training_run.h"

#include <algorithm>
#include <utility>

#include "common/metrics_proto.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "glog/logging.h"

namespace hawser {
namespace {

// Validation is cut into chunks of so many samples, whoever computes them.
constexpr int64_t kValidationChunk = 256;

}  // namespace

int64_t LargestBatch(const Plan& plan) {
  const ScheduleSpec& schedule = plan.spec().schedule();
  const int64_t micro_batch =
      schedule.global_batch() / schedule.micro_batches();
  return std::max<int64_t>(micro_batch, kValidationChunk);
}

TrainingRun::TrainingRun(const Plan& plan, uint64_t node, const Dataset* data,
                         Model* model, const ChannelFactory& make_channel,
                         Reporter reporter)
    : plan_(plan),
      node_(node),
      data_(data),
      model_(model),
      reporter_(std::move(reporter)),
      client_(plan, node, make_channel),
      order_(plan.spec(), data->training_samples(), data->TrainingLabels()),
      sum_(plan.spec().schedule().micro_batches(), model->parameters()),
      theta_(static_cast<size_t>(model->parameters())) {
  for (const MicroBatchRange& range : plan.workers()) {
    if (range.first() == range.last()) continue;
    if (range.node() == node) {
      first_ = range.first();
      last_ = range.last();
      rank_ = ranks_;
    }
    ++ranks_;
  }
}

absl::Status TrainingRun::Run() {
  if (first_ == last_) return absl::OkStatus();  // more workers than work
  ASSIGN_OR_RETURN(uint64_t step, client_.CurrentStep());
  LOG(INFO) << "job " << plan_.spec().name() << ", incarnation "
            << plan_.incarnation() << ": micro-batches [" << first_ << ", "
            << last_ << ") from step " << step;
  for (;; ++step) {
    RETURN_IF_ERROR(client_.Pull(step, theta_.data()));
    const bool is_end = step == plan_.total_steps();
    if (is_end || (step != 0 && step % plan_.steps_per_epoch() == 0)) {
      RETURN_IF_ERROR(Validate(step));
    }
    if (is_end) return ReportHash(step);
    RETURN_IF_ERROR(ComputeAndPush(step));
  }
}

absl::Status TrainingRun::ComputeAndPush(uint64_t step) {
  const auto micro_batches =
      static_cast<float>(plan_.spec().schedule().micro_batches());
  // So that the mean over the micro-batches is the mean over the samples, also
  // in an epoch's last, smaller step.
  const float scale =
      micro_batches / static_cast<float>(order_.StepSamples(step));
  sum_.Clear();
  for (uint32_t m = first_; m < last_; ++m) {
    data_->FillTraining(order_.Positions(step, m), plan_.spec().seed(),
                        order_.EpochOf(step), &batch_);
    const MicroBatchKey key = {plan_.spec().seed(), step, m};
    const SampleSums sums = model_->Gradient(theta_.data(), batch_, key, scale,
                                             sum_.Next(), [](int) {});
    sum_.Add(m, sums);
  }
  for (const GradientSum::Partial& partial : sum_.partials()) {
    RETURN_IF_ERROR(
        client_.Push(step, partial.node, partial.gradient.get(), partial.sums));
  }
  return absl::OkStatus();
}

absl::Status TrainingRun::Validate(uint64_t step) {
  const int64_t samples = data_->validation_samples();
  if (samples == 0) return absl::OkStatus();
  const int64_t chunks = (samples + kValidationChunk - 1) / kValidationChunk;
  const int64_t first_chunk = rank_ * chunks / ranks_;
  const int64_t last_chunk = (rank_ + 1) * chunks / ranks_;
  SampleSums sums;
  for (int64_t chunk = first_chunk; chunk < last_chunk; ++chunk) {
    const int64_t first = chunk * kValidationChunk;
    data_->FillValidation(first, std::min(kValidationChunk, samples - first),
                          &batch_);
    sums += model_->Evaluate(theta_.data(), batch_);
  }
  ReportRequest report;
  ValidationDone* done = report.mutable_validation_done();
  done->set_step(step);
  done->set_first_chunk(static_cast<uint32_t>(first_chunk));
  done->set_last_chunk(static_cast<uint32_t>(last_chunk));
  done->set_total_chunks(static_cast<uint32_t>(chunks));
  *done->mutable_metrics() = ToProto(sums);
  return Send(std::move(report));
}

absl::Status TrainingRun::ReportHash(uint64_t step) {
  if (rank_ != 0) return absl::OkStatus();
  Sha256 hash;
  hash.Update(theta_.data(), theta_.size() * sizeof(float));
  ReportRequest report;
  report.mutable_parameters_hashed()->set_step(step);
  report.mutable_parameters_hashed()->set_sha256(hash.Hex());
  return Send(std::move(report));
}

absl::Status TrainingRun::Send(ReportRequest report) {
  report.set_job(plan_.job());
  report.set_incarnation(plan_.incarnation());
  return reporter_(std::move(report));
}

}  // namespace hawser
