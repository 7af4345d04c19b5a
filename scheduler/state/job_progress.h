// How far a job has come: steps, sums over samples by epoch, validation. Every
// sample counts once, whatever is reported twice or in pieces.
//
// Pure: time is an argument.
#ifndef HAWSER_SCHEDULER_STATE_JOB_PROGRESS_H_
#define HAWSER_SCHEDULER_STATE_JOB_PROGRESS_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/job/step_schedule.h"
#include "common/metrics.h"
#include "proto/scheduler.pb.h"
#include "scheduler/state/progress_curve.h"

namespace hawser {

class JobProgress {
 public:
  static constexpr size_t kMaxEpochsKept = 1000;

  // The length of the job, once the data's size is known, and again when its
  // phases change.
  void SetSchedule(const StepSchedule& schedule, bool has_validation);

  // All steps before report.step are complete. One that tells nothing new
  // changes nothing. FAILED_PRECONDITION: steps before are missing.
  // INVALID_ARGUMENT: the sums are not those of the steps.
  absl::Status AddSteps(const StepsDone& report, absl::Time now);

  // Sums over some of the validation chunks at a step. Known chunks are
  // skipped. INVALID_ARGUMENT: chunks that are partly known, or nonsense.
  absl::Status AddValidation(const ValidationDone& report);

  // Forgets validation that is not complete: its chunks will be cut anew.
  void DropPartialValidation();
  // A complete validation that is not durable yet, by its step.
  std::optional<std::pair<uint64_t, Metrics>> ValidationToRecord() const;
  // Marks it as durable: whatever is told of it from now on is a repeat.
  void RecordValidation(uint64_t step, const Metrics& metrics);

  // What is durable has been read back; members tell the rest.
  void Resume() { resumed_ = true; }

  // Marks an epoch as reported; see FinishedEpoch. Epochs that are made again
  // after a roll-back are reported again.
  void FinishEpoch(const EpochMetrics& metrics);

  // Forgets what came after `step` steps. epoch_training: sums over the samples
  // of the epoch of step number `step` - 1 up to there.
  void RollBack(uint64_t step, const SampleSums& epoch_training);

  // All epochs that end before `step` steps are reported.
  bool IsFinishedBefore(uint64_t step) const;

  // The next epoch to report, when all of its sums are in.
  std::optional<EpochMetrics> FinishedEpoch() const;

  uint64_t step() const { return step_; }
  uint64_t total_steps() const {
    return schedule_.has_value() ? schedule_->total_steps() : 0;
  }
  uint64_t epochs() const;
  bool AllEpochsFinished() const;
  // Of the parameters before the first step; nothing: not measured (yet).
  std::optional<Metrics> ValidationBefore() const;
  uint64_t epochs_finished() const { return epochs_finished_; }
  // The last of them, at most kMaxEpochsKept, oldest first.
  const std::deque<EpochMetrics>& finished() const { return finished_; }
  const SampleSums& last_training() const { return last_training_; }
  const ProgressCurve& curve() const { return curve_; }
  // The steps after which epoch number `epoch`, from 1, is over; 0: unknown.
  uint64_t StepsAtEndOf(uint64_t epoch) const {
    return schedule_.has_value() ? schedule_->StepsAtEndOf(epoch) : 0;
  }
  // Over all samples that were ever told to this scheduler; what was made again
  // after a roll-back counts again.
  const SampleSums& all_training() const { return all_training_; }

  // Over the last seconds; 0: unknown.
  double SamplesPerSecond() const;
  double SecondsLeft() const;
  // The most between two reports of the last seconds, since a job that has just
  // got going is faster than it was on the average; 0: unknown.
  double MostStepsPerSecond() const;

 private:
  struct Validation {
    std::set<uint32_t> chunks;
    uint32_t total = 0;
    SampleSums sums;
    bool durable = false;
    bool complete() const {
      return durable || (total != 0 && chunks.size() == total);
    }
  };
  struct Point {
    absl::Time time;
    uint64_t step = 0;
    int64_t samples = 0;
    uint64_t steps = 0;  // since the point before; 0: unknown
  };

  absl::Status CheckSteps(const StepsDone& report) const;

  std::optional<StepSchedule> schedule_;
  bool has_validation_ = false;
  bool resumed_ = false;  // and no step has been told since
  uint64_t step_ = 0;
  int64_t samples_ = 0;
  SampleSums last_training_;
  SampleSums all_training_;
  std::map<uint64_t, SampleSums> training_;    // by epoch from 1
  std::map<uint64_t, Validation> validation_;  // by step
  std::optional<Metrics> validation_before_;   // once epoch 1 is finished
  uint64_t epochs_finished_ = 0;
  std::deque<EpochMetrics> finished_;
  std::deque<Point> recent_;
  ProgressCurve curve_;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_JOB_PROGRESS_H_
