#include "scheduler/state/timed_checkpoint.h"

#include "common/metrics_proto.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

// A job of 1000 steps that makes 10 a second.
class TimedCheckpointTest : public testing::Test {
 protected:
  TimedCheckpointTest() {
    Plan plan;
    plan.mutable_spec()->mutable_schedule()->set_steps(1000);
    plan.mutable_spec()->mutable_schedule()->set_global_batch(1);
    plan.set_steps_per_epoch(1000);
    plan.set_optimizer_steps(1000);
    plan.set_total_steps(1000);
    plan.add_phases()->mutable_synchronisation()->set_mode(SYNCHRONOUS);
    plan.mutable_phases(0)->mutable_synchronisation()->set_local_steps(1);
    progress_.SetSchedule(StepSchedule(plan), /*has_validation=*/false);
    timed_.Start(now_);
  }
  // A second of work; true: another step is ordered.
  bool Second() {
    bool ordered = false;
    for (int i = 0; i < 10; ++i) {
      now_ += absl::Milliseconds(100);
      StepsDone done;
      done.set_step(progress_.step() + 1);
      done.set_first_epoch(1);
      *done.add_per_epoch() =
          ToProto({1, 1, static_cast<int64_t>(done.step())});
      EXPECT_TRUE(progress_.AddSteps(done, now_).ok());
      ordered = timed_.Follow(progress_, now_) || ordered;
    }
    return ordered;
  }

  absl::Time now_ = absl::FromUnixSeconds(1000);
  JobProgress progress_;
  TimedCheckpoint timed_{5};
};

TEST_F(TimedCheckpointTest, AStepAheadEverySoManySeconds) {
  EXPECT_EQ(timed_.NextDeadline(), now_ + absl::Seconds(5));
  for (int second = 1; second < 5; ++second) EXPECT_FALSE(Second());
  EXPECT_EQ(timed_.ordered_step(), 0u);
  EXPECT_TRUE(Second());
  EXPECT_EQ(timed_.ordered_step(), 61u);
  EXPECT_EQ(timed_.NextDeadline(), now_ + absl::Seconds(5));
  for (int second = 1; second < 5; ++second) EXPECT_FALSE(Second());
  EXPECT_EQ(timed_.ordered_step(), 61u);
  EXPECT_TRUE(Second());
  EXPECT_EQ(timed_.ordered_step(), 111u);
}

TEST_F(TimedCheckpointTest, ALateOneIsOrderedAnewWithMoreOfAMargin) {
  for (int second = 0; second < 5; ++second) Second();
  timed_.Late(60, now_);  // another
  EXPECT_EQ(timed_.ordered_step(), 61u);
  timed_.Late(61, now_);
  EXPECT_EQ(timed_.NextDeadline(), now_);
  EXPECT_TRUE(timed_.Follow(progress_, now_));
  EXPECT_EQ(timed_.ordered_step(), 71u);
  timed_.Late(71, now_);
  EXPECT_TRUE(timed_.Follow(progress_, now_));
  EXPECT_EQ(timed_.ordered_step(), 91u);
  // The next one has half of it, and then the usual margin.
  for (int second = 1; second < 5; ++second) EXPECT_FALSE(Second());
  EXPECT_TRUE(Second());
  EXPECT_EQ(timed_.ordered_step(), 121u);
  for (int second = 1; second < 5; ++second) EXPECT_FALSE(Second());
  EXPECT_TRUE(Second());
  EXPECT_EQ(timed_.ordered_step(), 161u);
}

TEST_F(TimedCheckpointTest, AStepThatNobodyIsBeyondIsFoundHoweverFarAhead) {
  for (int second = 0; second < 5; ++second) Second();
  int tries = 1;
  for (; timed_.ordered_step() < 600; ++tries) {
    timed_.Late(timed_.ordered_step(), now_);
    ASSERT_TRUE(timed_.Follow(progress_, now_));
  }
  EXPECT_EQ(tries, 7);
  EXPECT_EQ(timed_.ordered_step(), 691u);
  // Beyond the job's last step there is none.
  timed_.Late(691, now_);
  EXPECT_FALSE(timed_.Follow(progress_, now_));
}

TEST_F(TimedCheckpointTest, OneThatIsAheadIsNotReplaced) {
  TimedCheckpoint often(0.2);
  often.Start(now_);
  Second();
  EXPECT_TRUE(often.Follow(progress_, now_));
  EXPECT_EQ(often.ordered_step(), 21u);
  now_ += absl::Seconds(2);
  EXPECT_FALSE(often.Follow(progress_, now_));
  EXPECT_EQ(often.NextDeadline(), absl::InfiniteFuture());
  Second();
  EXPECT_FALSE(often.Follow(progress_, now_));
  Second();
  EXPECT_TRUE(often.Follow(progress_, now_));
  EXPECT_GT(often.ordered_step(), 21u);
}

TEST_F(TimedCheckpointTest, TheLastStepIsNotOrdered) {
  while (progress_.step() < 980) Second();
  TimedCheckpoint late(1);
  late.Start(now_ - absl::Seconds(1));
  EXPECT_TRUE(late.Follow(progress_, now_));
  EXPECT_EQ(late.ordered_step(), 991u);
  Second();
  EXPECT_FALSE(late.Follow(progress_, now_));  // 990 are made
  Second();
  EXPECT_FALSE(late.Follow(progress_, now_));
  EXPECT_EQ(late.ordered_step(), 991u);
}

TEST_F(TimedCheckpointTest, WithoutATimeThereAreNone) {
  TimedCheckpoint none(0);
  none.Start(now_);
  EXPECT_EQ(none.NextDeadline(), absl::InfiniteFuture());
  EXPECT_FALSE(none.Follow(progress_, now_));
  for (int second = 0; second < 5; ++second) Second();
  timed_.Stop();
  EXPECT_EQ(timed_.ordered_step(), 0u);
  EXPECT_EQ(timed_.NextDeadline(), absl::InfiniteFuture());
  timed_.Late(61, now_);
  EXPECT_EQ(timed_.NextDeadline(), absl::InfiniteFuture());
}

}  // namespace
}  // namespace hawser
