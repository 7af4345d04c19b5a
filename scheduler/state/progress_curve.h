// How a job's training went, step by step, in bounded memory: sums over samples
// of stretches of steps that follow each other. When there are too many, each
// two neighbours become one, and from then on a stretch holds twice as many
// reports. Sums are whole numbers, so that a point's mean is exact, whatever
// was joined.
//
//   Add -> the stretch in progress -> a point; kMaxPoints of them -> half
//
// It is not durable: after a restart of the scheduler it begins anew.
//
// Pure: time is an argument.
#ifndef HAWSER_SCHEDULER_STATE_PROGRESS_CURVE_H_
#define HAWSER_SCHEDULER_STATE_PROGRESS_CURVE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "common/metrics.h"

namespace hawser {

class ProgressCurve {
 public:
  static constexpr size_t kMaxPoints = 400;

  struct Point {
    uint64_t step = 0;  // completed at its end
    absl::Time time;
    SampleSums sums;
    // Of what is timed: how long it took, for how many of the samples. Of the
    // first report nobody knows when its work began.
    absl::Duration elapsed;
    int64_t timed_samples = 0;

    // 0: unknown.
    double SamplesPerSecond() const;
  };

  // `step` steps are complete; added: of those since the last call.
  void Add(uint64_t step, const SampleSums& added, absl::Time now);

  // Forgets what came after `step`. A point that began before it stays out,
  // too. What is added next has no known beginning.
  void RollBack(uint64_t step);

  // Oldest first, the stretch in progress left out.
  const std::vector<Point>& points() const { return points_; }
  // Another number: points have changed, not only been added.
  uint64_t generation() const { return generation_; }

 private:
  static void Join(const Point& later, Point* point);
  void Halve();

  std::vector<Point> points_;
  Point open_;
  uint64_t open_reports_ = 0;
  uint64_t reports_per_point_ = 1;
  uint64_t generation_ = 0;
  absl::Time last_ = absl::InfinitePast();  // InfinitePast: unknown
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_PROGRESS_CURVE_H_
