#include "scheduler/state/job_progress.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/metrics_proto.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

// How often a server reports, about.
constexpr double kReportSeconds = 0.1;
constexpr absl::Duration kRateWindow = absl::Seconds(3);
constexpr uint32_t kMaxChunks = 1 << 20;

}  // namespace

void JobProgress::SetSchedule(const StepSchedule& schedule,
                              bool has_validation) {
  schedule_ = schedule;
  has_validation_ = has_validation;
}

uint64_t JobProgress::epochs() const {
  return schedule_.has_value() ? schedule_->epochs() : 0;
}

absl::Status JobProgress::AddSteps(const StepsDone& report, absl::Time now) {
  if (!schedule_.has_value()) {
    return absl::FailedPreconditionError("the job has not started");
  }
  RETURN_IF_ERROR(CheckSteps(report));
  const uint64_t step = std::min(report.step(), total_steps());
  if (step <= step_) return absl::OkStatus();
  SampleSums added;
  for (int i = 0; i < report.per_epoch_size(); ++i) {
    const uint64_t epoch = report.first_epoch() + static_cast<uint64_t>(i);
    if (epoch <= epochs_finished_) continue;
    const SampleSums sums = FromProto(report.per_epoch(i));
    SampleSums& known = training_[epoch];
    added += sums;
    added -= known;
    known = sums;
  }
  const uint64_t steps = std::exchange(resumed_, false) ? 0 : step - step_;
  step_ = step;
  if (added.samples == 0) return absl::OkStatus();
  last_training_ = added;
  all_training_ += added;
  samples_ += added.samples;
  curve_.Add(step_, added, now);
  recent_.push_back({now, step_, samples_, steps});
  while (recent_.size() > 2 && recent_.front().time < now - kRateWindow) {
    recent_.pop_front();
  }
  return absl::OkStatus();
}

absl::Status JobProgress::CheckSteps(const StepsDone& report) const {
  const auto count = static_cast<uint64_t>(report.per_epoch_size());
  if (count == 0 || report.first_epoch() == 0 ||
      report.first_epoch() > epochs() || report.first_step() >= report.step()) {
    return absl::InvalidArgumentError("steps without sums");
  }
  // What was told to a scheduler before this one is told again, soon.
  if (report.first_step() > step_ && !report.forgotten()) {
    return absl::FailedPreconditionError(
        absl::StrCat("steps ", step_, " to ", report.first_step() - 1,
                     " have not been reported"));
  }
  const uint64_t start = schedule_->StepsAtEndOf(report.first_epoch() - 1);
  if (report.first_step() != start) {
    return absl::FailedPreconditionError(
        absl::StrCat("steps ", start, " to ", report.first_step(), " of epoch ",
                     report.first_epoch(), " have not been reported"));
  }
  const uint64_t last =
      schedule_->EpochOf(std::min(report.step(), total_steps()) - 1) + 1;
  if (report.first_epoch() + count != last + 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "step ", report.step(), " is of epoch ", last,
        ", the sums end with epoch ", report.first_epoch() + count - 1));
  }
  return absl::OkStatus();
}

absl::Status JobProgress::AddValidation(const ValidationDone& report) {
  if (report.first_chunk() > report.last_chunk() ||
      report.last_chunk() > report.total_chunks() ||
      report.total_chunks() > kMaxChunks || report.total_chunks() == 0) {
    return absl::InvalidArgumentError("impossible validation chunks");
  }
  Validation& validation = validation_[report.step()];
  if (validation.durable) return absl::OkStatus();
  if (validation.total != 0 && validation.total != report.total_chunks()) {
    return absl::InvalidArgumentError("validation is cut in two ways");
  }
  validation.total = report.total_chunks();
  uint32_t known = 0;
  for (uint32_t c = report.first_chunk(); c < report.last_chunk(); ++c) {
    known += static_cast<uint32_t>(validation.chunks.count(c));
  }
  if (known == report.last_chunk() - report.first_chunk()) {
    return absl::OkStatus();
  }
  if (known != 0) {
    return absl::InvalidArgumentError("some of the chunks are known already");
  }
  for (uint32_t c = report.first_chunk(); c < report.last_chunk(); ++c) {
    validation.chunks.insert(c);
  }
  validation.sums += FromProto(report.metrics());
  return absl::OkStatus();
}

void JobProgress::DropPartialValidation() {
  for (auto it = validation_.begin(); it != validation_.end();) {
    it = it->second.complete() ? std::next(it) : validation_.erase(it);
  }
}

std::optional<std::pair<uint64_t, Metrics>> JobProgress::ValidationToRecord()
    const {
  if (!schedule_.has_value()) return std::nullopt;
  // What belongs to epochs before stands in their metrics.
  const uint64_t over =
      epochs_finished_ == 0 ? 0 : schedule_->StepsAtEndOf(epochs_finished_);
  for (const auto& [step, validation] : validation_) {
    if (step < over || validation.durable || !validation.complete() ||
        (step != 0 && !schedule_->EndsEpoch(step))) {
      continue;
    }
    return std::make_pair(step, ToProto(validation.sums));
  }
  return std::nullopt;
}

void JobProgress::RecordValidation(uint64_t step, const Metrics& metrics) {
  Validation validation;
  validation.sums = FromProto(metrics);
  validation.durable = true;
  validation_[step] = std::move(validation);
}

std::optional<EpochMetrics> JobProgress::FinishedEpoch() const {
  const uint64_t epoch = epochs_finished_ + 1;
  if (epoch > epochs() || step_ < schedule_->StepsAtEndOf(epoch)) {
    return std::nullopt;
  }
  EpochMetrics metrics;
  metrics.set_epoch(epoch);
  const auto training = training_.find(epoch);
  if (training != training_.end()) {
    *metrics.mutable_training() = ToProto(training->second);
  }
  if (has_validation_) {
    const auto validation = validation_.find(schedule_->StepsAtEndOf(epoch));
    if (validation == validation_.end() || !validation->second.complete()) {
      return std::nullopt;
    }
    *metrics.mutable_validation() = ToProto(validation->second.sums);
  }
  if (epoch == 1) {
    if (const auto before = ValidationBefore(); before.has_value()) {
      *metrics.mutable_validation_before() = *before;
    }
  }
  return metrics;
}

std::optional<Metrics> JobProgress::ValidationBefore() const {
  if (epochs_finished_ > 0 || validation_before_.has_value()) {
    return validation_before_;
  }
  const auto validation = validation_.find(0);
  if (validation == validation_.end() || !validation->second.complete()) {
    return std::nullopt;
  }
  return ToProto(validation->second.sums);
}

void JobProgress::FinishEpoch(const EpochMetrics& metrics) {
  epochs_finished_ = metrics.epoch();
  if (metrics.has_validation_before()) {
    validation_before_ = metrics.validation_before();
  }
  finished_.push_back(metrics);
  if (finished_.size() > kMaxEpochsKept) finished_.pop_front();
  training_.erase(metrics.epoch());
  if (!schedule_.has_value()) return;
  // After a replay, this is all that is known of the steps.
  step_ = std::max(step_, schedule_->StepsAtEndOf(metrics.epoch()));
  if (metrics.has_validation()) {
    RecordValidation(schedule_->StepsAtEndOf(metrics.epoch()),
                     metrics.validation());
  }
  if (metrics.has_validation_before()) {
    RecordValidation(0, metrics.validation_before());
  }
  // A late repeat must find it known, until the next epoch is done.
  const uint64_t before =
      metrics.epoch() == 0 ? 0 : schedule_->StepsAtEndOf(metrics.epoch() - 1);
  while (!validation_.empty() && validation_.begin()->first < before) {
    validation_.erase(validation_.begin());
  }
}

void JobProgress::RollBack(uint64_t step, const SampleSums& epoch_training) {
  step_ = step;
  samples_ = 0;
  last_training_ = SampleSums();
  recent_.clear();
  curve_.RollBack(step);
  epochs_finished_ = std::min(epochs_finished_, schedule_->EpochsOver(step));
  while (!finished_.empty() && finished_.back().epoch() > epochs_finished_) {
    finished_.pop_back();
  }
  training_.clear();
  if (step > 0 && schedule_->EpochOf(step - 1) >= epochs_finished_) {
    training_[schedule_->EpochOf(step - 1) + 1] = epoch_training;
  }
  validation_.erase(validation_.upper_bound(step), validation_.end());
}

bool JobProgress::IsFinishedBefore(uint64_t step) const {
  return step == 0 || !schedule_.has_value() ||
         epochs_finished_ >= schedule_->EpochsOver(step - 1);
}

bool JobProgress::AllEpochsFinished() const {
  return epochs() != 0 && epochs_finished_ == epochs();
}

double JobProgress::SamplesPerSecond() const {
  if (recent_.size() < 2) return 0;
  const double seconds =
      absl::ToDoubleSeconds(recent_.back().time - recent_.front().time);
  return seconds <= 0 ? 0
                      : static_cast<double>(recent_.back().samples -
                                            recent_.front().samples) /
                            seconds;
}

double JobProgress::MostStepsPerSecond() const {
  // Of the first report nothing is known but that it is about as old as others
  // would be; a single step may have taken any time.
  if (recent_.size() == 1) {
    const uint64_t steps = recent_.front().steps;
    return steps < 2 ? 0 : static_cast<double>(steps) / kReportSeconds;
  }
  double most = 0;
  for (size_t i = 1; i < recent_.size(); ++i) {
    // Reports that were held up come close together.
    const double seconds =
        std::max(kReportSeconds,
                 absl::ToDoubleSeconds(recent_[i].time - recent_[i - 1].time));
    most = std::max(
        most,
        static_cast<double>(recent_[i].step - recent_[i - 1].step) / seconds);
  }
  return most;
}

double JobProgress::SecondsLeft() const {
  if (recent_.size() < 2) return 0;
  const double seconds =
      absl::ToDoubleSeconds(recent_.back().time - recent_.front().time);
  const auto steps =
      static_cast<double>(recent_.back().step - recent_.front().step);
  return steps <= 0
             ? 0
             : seconds / steps * static_cast<double>(total_steps() - step_);
}

}  // namespace hawser
