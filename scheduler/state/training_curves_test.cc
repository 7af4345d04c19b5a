#include "scheduler/state/training_curves.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scheduler/state/cluster_state_test_support.h"

namespace hawser {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class TrainingCurvesTest : public ClusterStateTest {
 protected:
  void Run(const std::string& name) {
    Join(SERVER);
    Join(WORKER);
    ASSERT_TRUE(Submit(Spec(name, 1, 1)).ok());
    StartJob(name);
  }
  std::vector<TrainingCurves::News> Take() { return curves_.TakeNews(state_); }

  TrainingCurves curves_;
};

TEST_F(TrainingCurvesTest, NothingIsTakenBeforeTheyBegin) {
  Run("a");
  ASSERT_TRUE(DoSteps("a", 0, 2).ok());
  EXPECT_THAT(Take(), IsEmpty());
}

TEST_F(TrainingCurvesTest, OnlyJobsWithNewsAreTold) {
  curves_.Begin(state_);
  Run("a");
  Run("b");
  EXPECT_THAT(Take(), SizeIs(2)) << "they begin";
  EXPECT_THAT(Take(), IsEmpty());
  ASSERT_TRUE(DoSteps("b", 0, 2).ok());
  const auto news = Take();
  ASSERT_THAT(news, SizeIs(1));
  EXPECT_EQ(news[0].name, "b");
  EXPECT_EQ(news[0].directory, "b");
  EXPECT_FALSE(news[0].is_last);
}

TEST_F(TrainingCurvesTest, AJobThatEndsIsToldOnceMore) {
  curves_.Begin(state_);
  Run("a");
  ASSERT_TRUE(DoSteps("a", 0, 2).ok());
  Cancel("a");
  const auto news = Take();
  ASSERT_THAT(news, SizeIs(1));
  EXPECT_THAT(news[0].curve.points, SizeIs(1));
  EXPECT_TRUE(news[0].is_last);
  EXPECT_THAT(Take(), IsEmpty());
}

TEST_F(TrainingCurvesTest, JobsOfASchedulerBeforeGoOn) {
  Run("a");
  ASSERT_TRUE(DoSteps("a", 0, 2).ok());
  Run("ended");
  Cancel("ended");
  curves_.Begin(state_);
  EXPECT_THAT(Take(), IsEmpty());
  ASSERT_TRUE(DoSteps("a", 2, 3).ok());
  const auto news = Take();
  ASSERT_THAT(news, SizeIs(1));
  ASSERT_THAT(news[0].curve.points, SizeIs(1));
  EXPECT_EQ(news[0].curve.points[0].step, 3u);
}

}  // namespace
}  // namespace hawser
