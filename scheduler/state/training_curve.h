// What a job's curves get next, for TensorBoard: points of its loss, accuracy,
// learning rate and speed, each told once.
//
//   Follow(job) --steps since the last call--> a point at the job's step: means
//       over the samples since then
//               --epochs that have finished--> points at their ends: means over
//       the epoch, and the validation after it
//               --a roll-back--> `begins_anew`: points after that step are of a
//       past that is undone
//   the first time that it has steps to make: `begins_anew` at 0, since a job
//       before may have written at the same place
//
// Pure: time does not matter to it.
#ifndef HAWSER_SCHEDULER_STATE_TRAINING_CURVE_H_
#define HAWSER_SCHEDULER_STATE_TRAINING_CURVE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/metrics.h"
#include "scheduler/state/job.h"

namespace hawser {

class TrainingCurve {
 public:
  // job: as it is when the curve begins. goes_on: it was begun before, by a
  // scheduler that has restarted; epochs that have finished are told already.
  TrainingCurve(const Job& job, bool goes_on);

  struct Point {
    uint64_t step = 0;
    std::vector<std::pair<std::string, double>> values;  // by tag
  };
  struct News {
    // Points from this step on that were told before are void.
    std::optional<uint64_t> begins_anew;
    std::vector<Point> points;  // of each tag, in order of their steps
  };
  // What is new since the last call.
  News Follow(const Job& job);

 private:
  void AddEpochs(const Job& job, News* news);
  void AddStep(const Job& job, News* news);

  bool begun_;
  uint64_t blocks_since_ = 0;
  uint64_t step_ = 0;
  uint64_t epochs_ = 0;
  SampleSums training_;
  bool validation_before_told_;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_TRAINING_CURVE_H_
