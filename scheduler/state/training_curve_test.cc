#include "scheduler/state/training_curve.h"

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scheduler/state/cluster_state_test_support.h"

namespace hawser {
namespace {

using testing::IsEmpty;

class TrainingCurveTest : public ClusterStateTest {
 protected:
  // Job "a" runs, with a worker and a server: 8 steps, 4 an epoch.
  void Run() {
    JoinAll(SERVER, 2);
    worker_ = Join(WORKER);
    ASSERT_TRUE(Submit(Spec("a", 1, 1)).ok());
    curve_.emplace(Get("a"), /*goes_on=*/false);
    EXPECT_FALSE(Follow().begins_anew.has_value());
    StartJob("a");
    EXPECT_EQ(Follow().begins_anew, 0u);
  }
  // Epoch 1, of 4 steps, is told; then the job is back at step 2.
  void RunAndRollBack() {
    Run();
    ASSERT_TRUE(DoSteps("a", 0, 2).ok());
    WriteCheckpoints("a", 2);
    ASSERT_TRUE(DoSteps("a", 2, 5).ok());
    ASSERT_TRUE(Validate(worker_, "a", 4, 0, 2).ok());
    ASSERT_EQ(Follow().points.size(), 2u);
    Leave(PlanOf("a").servers(0).node());
    AllReady("a");
  }
  TrainingCurve::News Follow() { return curve_->Follow(Get("a")); }
  static std::map<std::string, double> ValuesOf(
      const TrainingCurve::Point& point) {
    return {point.values.begin(), point.values.end()};
  }

  uint64_t worker_ = 0;
  std::optional<TrainingCurve> curve_;
};

TEST_F(TrainingCurveTest, APointForTheStepsSinceTheLast) {
  Run();
  EXPECT_THAT(Follow().points, IsEmpty());
  ASSERT_TRUE(DoSteps("a", 0, 2).ok());
  ASSERT_TRUE(DoSteps("a", 2, 3).ok());
  const TrainingCurve::News news = Follow();
  EXPECT_FALSE(news.begins_anew.has_value());
  ASSERT_EQ(news.points.size(), 1u);
  EXPECT_EQ(news.points[0].step, 3u);
  auto values = ValuesOf(news.points[0]);
  // 100 nanonats and 8 of 16 a step.
  EXPECT_NEAR(values["loss/training"], 100e-9 / 16, 1e-15);
  EXPECT_EQ(values["accuracy/training"], 0.5);
  EXPECT_EQ(values["learning_rate"], 0.1);
  EXPECT_EQ(values.count("loss/validation"), 0u);
  EXPECT_THAT(Follow().points, IsEmpty());
}

TEST_F(TrainingCurveTest, AnEpochIsToldAtItsEndWithItsValidation) {
  Run();
  ASSERT_TRUE(DoSteps("a", 0, 5).ok());
  ASSERT_TRUE(Validate(worker_, "a", 4, 0, 2).ok());
  const TrainingCurve::News news = Follow();
  ASSERT_EQ(news.points.size(), 2u);
  EXPECT_EQ(news.points[0].step, 4u);
  auto values = ValuesOf(news.points[0]);
  EXPECT_NEAR(values["loss/epoch"], 100e-9 / 16, 1e-15);
  EXPECT_NEAR(values["loss/validation"], 10e-9 / 10, 1e-15);
  EXPECT_EQ(values["accuracy/validation"], 0.3);
  EXPECT_EQ(news.points[1].step, 5u);
  EXPECT_THAT(Follow().points, IsEmpty());
}

TEST_F(TrainingCurveTest, ARollBackMakesLaterPointsVoid) {
  RunAndRollBack();
  const TrainingCurve::News news = Follow();
  EXPECT_EQ(news.begins_anew, 3u);
  EXPECT_THAT(news.points, IsEmpty());
  // The epoch is made again, and told again.
  ASSERT_TRUE(DoSteps("a", 2, 4).ok());
  ASSERT_TRUE(Validate(worker_, "a", 4, 0, 2).ok());
  const TrainingCurve::News again = Follow();
  EXPECT_FALSE(again.begins_anew.has_value());
  ASSERT_EQ(again.points.size(), 2u);
  EXPECT_EQ(again.points[0].step, 4u);
  EXPECT_EQ(again.points[1].step, 4u);
}

TEST_F(TrainingCurveTest, AnEpochMadeAgainBeforeTheRollBackIsSeenIsToldAgain) {
  RunAndRollBack();
  ASSERT_TRUE(DoSteps("a", 2, 4).ok());
  ASSERT_TRUE(Validate(worker_, "a", 4, 0, 2).ok());
  const TrainingCurve::News news = Follow();
  EXPECT_EQ(news.begins_anew, 3u);
  ASSERT_EQ(news.points.size(), 2u);
  EXPECT_EQ(news.points[0].step, 4u);
  EXPECT_EQ(ValuesOf(news.points[0]).count("loss/validation"), 1u);
  EXPECT_EQ(news.points[1].step, 4u);
}

TEST_F(TrainingCurveTest, OneThatGoesOnDoesNotTellWhatWasTold) {
  Run();
  ASSERT_TRUE(DoSteps("a", 0, 4).ok());
  ASSERT_TRUE(Validate(worker_, "a", 4, 0, 2).ok());
  TrainingCurve later(Get("a"), /*goes_on=*/true);
  EXPECT_THAT(later.Follow(Get("a")).points, IsEmpty());
  ASSERT_TRUE(DoSteps("a", 4, 6).ok());
  const TrainingCurve::News news = later.Follow(Get("a"));
  ASSERT_EQ(news.points.size(), 1u);
  EXPECT_EQ(news.points[0].step, 6u);
}

}  // namespace
}  // namespace hawser
