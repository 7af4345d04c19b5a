#include "scheduler/state/progress_curve.h"

#include "gtest/gtest.h"

namespace hawser {
namespace {

absl::Time At(double seconds) {
  return absl::UnixEpoch() + absl::Seconds(1000) + absl::Seconds(seconds);
}

// A report of one step of 10 samples, a tenth of a second each.
void AddSteps(ProgressCurve* curve, uint64_t from, uint64_t to) {
  for (uint64_t step = from + 1; step <= to; ++step) {
    const auto loss = static_cast<int64_t>(step);
    curve->Add(step, {loss, 1, 10}, At(0.1 * static_cast<double>(step)));
  }
}

// Every step is in exactly one point, in order, with its sums.
void CheckWhole(const ProgressCurve& curve) {
  uint64_t before = 0;
  for (const ProgressCurve::Point& point : curve.points()) {
    ASSERT_GT(point.step, before);
    const uint64_t steps = point.step - before;
    const auto sum = static_cast<int64_t>(
        (point.step * (point.step + 1) - before * (before + 1)) / 2);
    EXPECT_EQ(point.sums.loss_nanonats, sum);
    EXPECT_EQ(point.sums.samples, static_cast<int64_t>(10 * steps));
    EXPECT_EQ(point.sums.correct, static_cast<int64_t>(steps));
    before = point.step;
  }
}

TEST(ProgressCurve, KeepsEachReportWhileThereIsRoom) {
  ProgressCurve curve;
  AddSteps(&curve, 0, 5);
  ASSERT_EQ(curve.points().size(), 5);
  EXPECT_EQ(curve.generation(), 0);
  CheckWhole(curve);
  // Of the first nobody knows when it began.
  EXPECT_EQ(curve.points()[0].SamplesPerSecond(), 0);
  EXPECT_NEAR(curve.points()[4].SamplesPerSecond(), 100, 1e-6);
  EXPECT_EQ(curve.points()[4].time, At(0.5));
}

TEST(ProgressCurve, HasABoundWhateverComes) {
  ProgressCurve curve;
  uint64_t generation = 0;
  for (uint64_t step = 0; step < 100'000; step += 1000) {
    AddSteps(&curve, step, step + 1000);
    EXPECT_LT(curve.points().size(), ProgressCurve::kMaxPoints);
    EXPECT_GE(curve.generation(), generation);
    generation = curve.generation();
  }
  EXPECT_GE(curve.points().size(), ProgressCurve::kMaxPoints / 2);
  EXPECT_GT(generation, 5);
  CheckWhole(curve);
  EXPECT_NEAR(curve.points().back().SamplesPerSecond(), 100, 1e-6);
  // The samples of the first report are in its point, but not in its speed.
  EXPECT_NEAR(curve.points().front().SamplesPerSecond(), 100, 1e-6);
}

TEST(ProgressCurve, RollsBackToAStep) {
  ProgressCurve curve;
  AddSteps(&curve, 0, 900);
  const uint64_t generation = curve.generation();
  curve.RollBack(500);
  EXPECT_NE(curve.generation(), generation);
  ASSERT_FALSE(curve.points().empty());
  EXPECT_LE(curve.points().back().step, 500);
  CheckWhole(curve);
  // The pause before it goes on is not counted as time of work.
  const size_t before = curve.points().size();
  for (uint64_t step = 501; step <= 504; ++step) {
    curve.Add(step, {0, 0, 10}, At(1000 + 0.1 * static_cast<double>(step)));
  }
  ASSERT_GT(curve.points().size(), before);
  EXPECT_NEAR(curve.points().back().SamplesPerSecond(), 100, 1e-6);
  curve.RollBack(0);
  EXPECT_TRUE(curve.points().empty());
}

TEST(ProgressCurve, AClockThatIsSetBackGivesNoSpeed) {
  ProgressCurve curve;
  curve.Add(1, {0, 0, 10}, At(10));
  curve.Add(2, {0, 0, 10}, At(5));
  EXPECT_EQ(curve.points().back().SamplesPerSecond(), 0);
  curve.Add(3, {0, 0, 10}, At(6));
  EXPECT_NEAR(curve.points().back().SamplesPerSecond(), 10, 1e-6);
}

}  // namespace
}  // namespace hawser
