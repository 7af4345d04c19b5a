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

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/job/step_schedule.h"
#include "common/metrics.h"
#include "proto/scheduler.pb.h"

namespace hawser {

class JobProgress {
 public:
  static constexpr size_t kMaxEpochsKept = 1000;

  // The length of the job, once the data's size is known, and again when its
  // phases change.
  void SetSchedule(const StepSchedule& schedule, bool has_validation);

  // Steps [report.first_step, + per_step) are complete. What is known already
  // is skipped. FAILED_PRECONDITION: steps before first_step are missing.
  absl::Status AddSteps(const StepsDone& report, absl::Time now);

  // Sums over some of the validation chunks at a step. Known chunks are
  // skipped. INVALID_ARGUMENT: chunks that are partly known, or nonsense.
  absl::Status AddValidation(const ValidationDone& report);

  // Forgets validation that is not complete: its chunks will be cut anew.
  void DropPartialValidation();

  // Marks an epoch as reported; see FinishedEpoch.
  void FinishEpoch(const EpochMetrics& metrics);

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
    bool complete() const { return total != 0 && chunks.size() == total; }
  };
  struct Point {
    absl::Time time;
    uint64_t step = 0;
    int64_t samples = 0;
  };

  std::optional<StepSchedule> schedule_;
  bool has_validation_ = false;
  uint64_t step_ = 0;
  int64_t samples_ = 0;
  SampleSums last_training_;
  std::map<uint64_t, SampleSums> training_;    // by epoch from 1
  std::map<uint64_t, Validation> validation_;  // by step
  std::optional<Metrics> validation_before_;   // once epoch 1 is finished
  uint64_t epochs_finished_ = 0;
  std::deque<EpochMetrics> finished_;
  std::deque<Point> recent_;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_JOB_PROGRESS_H_
