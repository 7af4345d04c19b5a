#include "server/state/epoch_sums.h"

#include <algorithm>
#include <map>
#include <random>

#include "common/metrics_proto.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

SampleSums OfStep(uint64_t step) {
  return {static_cast<int64_t>(10 * step), 1, 4};
}

// Sums of steps [first, last).
SampleSums OfSteps(uint64_t first, uint64_t last) {
  SampleSums sums;
  for (uint64_t step = first; step < last; ++step) sums += OfStep(step);
  return sums;
}

TEST(EpochSumsTest, TellsOfEachEpochFromItsFirstStepOn) {
  EpochSums sums(0);
  EXPECT_EQ(sums.TakeNews().per_epoch_size(), 0);
  sums.Add(1, OfStep(0));
  StepsDone news = sums.TakeNews();
  EXPECT_EQ(news.step(), 1u);
  EXPECT_EQ(news.first_epoch(), 1u);
  ASSERT_EQ(news.per_epoch_size(), 1);
  EXPECT_EQ(FromProto(news.per_epoch(0)), OfStep(0));
  EXPECT_EQ(sums.TakeNews().per_epoch_size(), 0) << "nothing is new";

  sums.Add(1, OfStep(1));
  sums.Add(2, OfStep(2));
  news = sums.TakeNews();
  EXPECT_EQ(news.step(), 3u);
  EXPECT_EQ(news.first_step(), 0u);
  ASSERT_EQ(news.per_epoch_size(), 2);
  EXPECT_EQ(FromProto(news.per_epoch(0)), OfSteps(0, 2));
  EXPECT_EQ(FromProto(news.per_epoch(1)), OfStep(2));

  sums.Add(3, OfStep(3));
  news = sums.TakeNews();
  EXPECT_EQ(news.first_epoch(), 3u) << "all of epoch 2 has been told";
  EXPECT_EQ(news.first_step(), 3u);
  ASSERT_EQ(news.per_epoch_size(), 1);
}

TEST(EpochSumsTest, GoesOnWithAnEpochThatWasBegunElsewhere) {
  EpochSums sums(6);
  EXPECT_EQ(sums.LastEpoch(), SampleSums());
  sums.GoOn(/*epoch=*/2, /*epoch_first_step=*/4, OfSteps(4, 6));
  EXPECT_EQ(sums.LastEpoch(), OfSteps(4, 6));
  EXPECT_EQ(sums.TakeNews().per_epoch_size(), 0) << "it is known";
  sums.Add(2, OfStep(6));
  sums.Add(3, OfStep(7));
  EXPECT_EQ(sums.LastEpoch(), OfStep(7));
  const StepsDone news = sums.TakeNews();
  EXPECT_EQ(news.step(), 8u);
  EXPECT_EQ(news.first_step(), 4u);
  EXPECT_EQ(news.first_epoch(), 2u);
  ASSERT_EQ(news.per_epoch_size(), 2);
  EXPECT_EQ(FromProto(news.per_epoch(0)), OfSteps(4, 7));
  EXPECT_EQ(FromProto(news.per_epoch(1)), OfStep(7));
}

TEST(EpochSumsTest, TellsAllAgainToASchedulerThatMayHaveForgotten) {
  EpochSums sums(0);
  for (uint64_t step = 0; step < 10; ++step) {
    sums.Add(1 + step / 4, OfStep(step));
  }
  const StepsDone first = sums.TakeNews();
  EXPECT_EQ(first.per_epoch_size(), 3);
  EXPECT_EQ(sums.TakeNews().per_epoch_size(), 0);
  sums.TellAgain();
  EXPECT_EQ(sums.TakeNews().SerializeAsString(), first.SerializeAsString());
  EXPECT_EQ(sums.TakeNews().per_epoch_size(), 0);
}

TEST(EpochSumsTest, CountsFromTheStepThatItBeginsWith) {
  EpochSums sums(6);
  sums.TellAgain();
  EXPECT_EQ(sums.TakeNews().per_epoch_size(), 0) << "nothing is counted yet";
  sums.Add(2, OfStep(6));
  const StepsDone news = sums.TakeNews();
  EXPECT_EQ(news.first_step(), 6u);
  EXPECT_EQ(news.step(), 7u);
  EXPECT_EQ(news.first_epoch(), 2u);
  EXPECT_EQ(FromProto(news.per_epoch(0)), OfStep(6));
}

TEST(EpochSumsTest, TheOldestEpochsAreForgottenInTheEnd) {
  EpochSums sums(0);
  const uint64_t steps = EpochSums::kMaxEpochs + 5;
  for (uint64_t step = 0; step < steps; ++step) {
    sums.Add(1 + step, OfStep(step));
  }
  const StepsDone news = sums.TakeNews();
  EXPECT_EQ(news.per_epoch_size(), static_cast<int>(EpochSums::kMaxEpochs));
  EXPECT_EQ(news.first_epoch(), 6u);
  EXPECT_EQ(news.first_step(), 5u);
  EXPECT_EQ(news.step(), steps);
  EXPECT_TRUE(news.forgotten());
  sums.Add(steps, OfStep(steps));
  EXPECT_FALSE(sums.TakeNews().forgotten()) << "the rest has been told";
}

// Whoever takes the newest sums of each epoch knows all of them, whenever the
// news were taken.
TEST(EpochSumsTest, NothingIsLeftOutHoweverItIsTaken) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    const uint64_t steps = 1 + random() % 60;
    const uint64_t per_epoch = 1 + random() % 7;
    EpochSums sums(0);
    std::map<uint64_t, SampleSums> known;
    for (uint64_t step = 0; step <= steps; ++step) {
      if (step == steps || random() % 3 == 0) {
        const StepsDone news = sums.TakeNews();
        for (int i = 0; i < news.per_epoch_size(); ++i) {
          known[news.first_epoch() + static_cast<uint64_t>(i)] =
              FromProto(news.per_epoch(i));
        }
      }
      if (step < steps) sums.Add(1 + step / per_epoch, OfStep(step));
    }
    for (uint64_t epoch = 0; epoch * per_epoch < steps; ++epoch) {
      EXPECT_EQ(
          known[epoch + 1],
          OfSteps(epoch * per_epoch, std::min(steps, (epoch + 1) * per_epoch)));
    }
  }
}

TEST(EpochSumsTest, GoOnAtAnotherServer) {
  EpochSums sums(/*first_step=*/0);
  sums.Add(1, {100, 3, 8});
  sums.Add(2, {50, 2, 4});
  sums.TakeNews();
  EpochSums moved(/*first_step=*/0);
  moved.Restore(sums.Export());
  EXPECT_EQ(moved.step(), 2u);
  moved.Add(2, {1, 1, 1});
  const StepsDone news = moved.TakeNews();
  EXPECT_EQ(news.step(), 3u);
  EXPECT_EQ(news.first_epoch(), 1u) << "all is told again";
  ASSERT_EQ(news.per_epoch_size(), 2);
  EXPECT_EQ(news.per_epoch(0).samples(), 8u);
  EXPECT_EQ(news.per_epoch(1).samples(), 5u);
  EXPECT_EQ(news.per_epoch(1).loss_nanonats(), 51);
}

}  // namespace
}  // namespace hawser
