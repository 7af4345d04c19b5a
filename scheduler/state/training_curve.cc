#include "scheduler/state/training_curve.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/job/figures.h"
#include "common/job/step_schedule.h"
#include "common/metrics_proto.h"
#include "common/optimizer/learning_rate.h"

namespace hawser {
namespace {

using Point = TrainingCurve::Point;

// "loss/validation"; an accuracy where there is one.
void AddFigures(const std::string& of, const Figures& figures, Point* point) {
  point->values.emplace_back(absl::StrCat("loss/", of), figures.loss);
  if (figures.accuracy.has_value()) {
    point->values.emplace_back(absl::StrCat("accuracy/", of),
                               *figures.accuracy);
  }
}

void AddValidation(const Metrics& validation, const Job& job, Point* point) {
  const Figures figures = ValidationFigures(validation, job.spec().model(),
                                            job.plan()->validation_bytes());
  AddFigures("validation", figures, point);
  if (figures.perplexity.has_value()) {
    point->values.emplace_back("perplexity/validation", *figures.perplexity);
  }
  if (figures.bits_per_byte.has_value()) {
    point->values.emplace_back("bits_per_byte/validation",
                               *figures.bits_per_byte);
  }
}

}  // namespace

TrainingCurve::TrainingCurve(const Job& job, bool goes_on)
    : begun_(goes_on), validation_before_told_(goes_on) {
  if (!goes_on || !job.plan().has_value()) return;
  blocks_since_ = job.plan()->blocks_since();
  step_ = job.progress().step();
  epochs_ = job.progress().epochs_finished();
  training_ = job.progress().all_training();
}

TrainingCurve::News TrainingCurve::Follow(const Job& job) {
  News news;
  if (!job.plan().has_value() || job.plan()->total_steps() == 0) return news;
  if (!std::exchange(begun_, true)) news.begins_anew = 0;
  const uint64_t blocks_since = job.plan()->blocks_since();
  if (blocks_since_ != blocks_since) {
    const bool rolled_back = blocks_since_ != 0;
    blocks_since_ = blocks_since;
    step_ = job.plan()->restore().step();
    if (rolled_back) {
      // The point at the step itself is of what is kept. Epochs of after it may
      // have finished again already.
      news.begins_anew = step_ + 1;
      epochs_ = std::min(epochs_, StepSchedule(*job.plan()).EpochsOver(step_));
    }
  }
  AddEpochs(job, &news);
  AddStep(job, &news);
  return news;
}

void TrainingCurve::AddEpochs(const Job& job, News* news) {
  const auto before = job.progress().ValidationBefore();
  if (before.has_value() && !validation_before_told_) {
    validation_before_told_ = true;
    AddValidation(*before, job, &news->points.emplace_back());
  }
  const StepSchedule schedule(*job.plan());
  for (const EpochMetrics& epoch : job.progress().finished()) {
    if (epoch.epoch() <= epochs_) continue;
    epochs_ = epoch.epoch();
    Point& point = news->points.emplace_back();
    point.step = schedule.StepsAtEndOf(epoch.epoch());
    AddFigures("epoch", TrainingFigures(epoch.training(), job.spec().model()),
               &point);
    if (epoch.has_validation()) AddValidation(epoch.validation(), job, &point);
  }
}

void TrainingCurve::AddStep(const Job& job, News* news) {
  const JobProgress& progress = job.progress();
  if (progress.step() <= step_) return;
  step_ = progress.step();
  SampleSums sums = progress.all_training();
  sums -= training_;
  training_ = progress.all_training();
  Point& point = news->points.emplace_back();
  point.step = step_;
  if (sums.samples > 0) {
    AddFigures("training", TrainingFigures(ToProto(sums), job.spec().model()),
               &point);
  }
  const Plan& plan = *job.plan();
  const StepSchedule schedule(plan);
  point.values.emplace_back(
      "learning_rate",
      LearningRateAt(job.spec().learning_rate(), schedule.At(step_ - 1).first,
                     plan.optimizer_steps(), plan.steps_per_epoch()));
  if (const double samples = progress.SamplesPerSecond(); samples > 0) {
    const bool is_text = job.spec().model().has_gpt();
    point.values.emplace_back(
        is_text ? "tokens_per_second" : "samples_per_second",
        samples * static_cast<double>(TokensPerSample(job.spec().model())));
  }
}

}  // namespace hawser
