#include "scheduler/state/progress_curve.h"

#include <algorithm>

namespace hawser {

double ProgressCurve::Point::SamplesPerSecond() const {
  const double seconds = absl::ToDoubleSeconds(elapsed);
  return seconds <= 0 ? 0 : static_cast<double>(timed_samples) / seconds;
}

void ProgressCurve::Join(const Point& later, Point* point) {
  point->step = later.step;
  point->time = later.time;
  point->sums += later.sums;
  point->elapsed += later.elapsed;
  point->timed_samples += later.timed_samples;
}

void ProgressCurve::Add(uint64_t step, const SampleSums& added,
                        absl::Time now) {
  Point report = {step, now, added, absl::ZeroDuration(), 0};
  // A clock may be set back.
  if (last_ != absl::InfinitePast() && now > last_) {
    report.elapsed = now - last_;
    report.timed_samples = added.samples;
  }
  last_ = now;
  Join(report, &open_);
  if (++open_reports_ < reports_per_point_) return;
  points_.push_back(open_);
  open_ = Point();
  open_reports_ = 0;
  if (points_.size() >= kMaxPoints) Halve();
}

void ProgressCurve::Halve() {
  for (size_t i = 0; i < points_.size() / 2; ++i) {
    Point joined = points_[2 * i];
    Join(points_[2 * i + 1], &joined);
    points_[i] = joined;
  }
  points_.resize(points_.size() / 2);
  reports_per_point_ *= 2;
  ++generation_;
}

void ProgressCurve::RollBack(uint64_t step) {
  const auto end =
      std::find_if(points_.begin(), points_.end(),
                   [step](const Point& point) { return point.step > step; });
  points_.erase(end, points_.end());
  open_ = Point();
  open_reports_ = 0;
  last_ = absl::InfinitePast();
  ++generation_;
}

}  // namespace hawser
