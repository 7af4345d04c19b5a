#include "scheduler/state/job_progress.h"

#include <algorithm>
#include <random>
#include <vector>

#include "common/metrics_proto.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

StepSchedule Schedule(uint64_t steps, uint64_t steps_per_epoch) {
  google::protobuf::RepeatedPtrField<Phase> phases;
  phases.Add();
  return StepSchedule(steps, steps_per_epoch, phases);
}

const absl::Time kStart = absl::FromUnixSeconds(1000);

// What is told after step `last` if nothing of `first` and the steps after it
// has been told. Each step has loss 10 * step and 4 samples.
StepsDone Steps(uint64_t first, uint64_t last, uint64_t per_epoch) {
  StepsDone steps;
  steps.set_step(last);
  steps.set_first_epoch(first / per_epoch + 1);
  steps.set_first_step(first / per_epoch * per_epoch);
  SampleSums sums;
  for (uint64_t step = steps.first_step(); step < last; ++step) {
    sums += {static_cast<int64_t>(10 * step), 1, 4};
    if ((step + 1) % per_epoch != 0 && step + 1 != last) continue;
    *steps.add_per_epoch() = ToProto(sums);
    sums = SampleSums();
  }
  return steps;
}

ValidationDone Chunks(uint64_t step, uint32_t first, uint32_t last,
                      uint32_t total) {
  ValidationDone done;
  done.set_step(step);
  done.set_first_chunk(first);
  done.set_last_chunk(last);
  done.set_total_chunks(total);
  *done.mutable_metrics() = ToProto({7 * (last - first), 1, last - first});
  return done;
}

TEST(JobProgressTest, AStepCountsOnceHoweverItIsReported) {
  JobProgress progress;
  EXPECT_FALSE(progress.AddSteps(Steps(0, 1, 4), kStart).ok());  // not started
  progress.SetSchedule(Schedule(10, 4), false);
  ASSERT_TRUE(progress.AddSteps(Steps(0, 3, 4), kStart).ok());
  ASSERT_TRUE(progress.AddSteps(Steps(0, 3, 4), kStart).ok());
  ASSERT_TRUE(progress.AddSteps(Steps(1, 4, 4), kStart).ok());
  ASSERT_TRUE(progress.AddSteps(Steps(0, 2, 4), kStart).ok());  // late
  EXPECT_EQ(progress.step(), 4u);
  const auto epoch = progress.FinishedEpoch();
  ASSERT_TRUE(epoch.has_value());
  EXPECT_EQ(FromProto(epoch->training()),
            (SampleSums{0 + 10 + 20 + 30, 4, 16}));
}

TEST(JobProgressTest, WhatCannotBeIsRefusedAndStepsBeyondTheEndAreIgnored) {
  JobProgress progress;
  progress.SetSchedule(Schedule(10, 4), false);
  ASSERT_TRUE(progress.AddSteps(Steps(0, 3, 4), kStart).ok());
  StepsDone beginning_is_missing = Steps(3, 4, 4);
  beginning_is_missing.set_first_step(3);
  EXPECT_TRUE(absl::IsFailedPrecondition(
      progress.AddSteps(beginning_is_missing, kStart)));
  StepsDone end_is_missing = Steps(0, 6, 4);
  end_is_missing.mutable_per_epoch()->RemoveLast();
  EXPECT_TRUE(
      absl::IsInvalidArgument(progress.AddSteps(end_is_missing, kStart)));
  StepsDone of_no_epoch = Steps(0, 4, 4);
  for (const uint64_t epoch : {uint64_t{0}, uint64_t{4}, ~uint64_t{0}}) {
    of_no_epoch.set_first_epoch(epoch);
    EXPECT_TRUE(
        absl::IsInvalidArgument(progress.AddSteps(of_no_epoch, kStart)));
  }
  EXPECT_TRUE(absl::IsInvalidArgument(progress.AddSteps(StepsDone(), kStart)));
  EXPECT_EQ(progress.step(), 3u);
  StepsDone beyond = Steps(0, 10, 4);
  beyond.set_step(50);
  ASSERT_TRUE(progress.AddSteps(beyond, kStart).ok());
  EXPECT_EQ(progress.step(), 10u);
}

// Its server keeps the sums of so many epochs only.
TEST(JobProgressTest, AnEpochThatNobodyKnowsAnyMoreHasNoSums) {
  JobProgress progress;
  progress.SetSchedule(Schedule(12, 4), false);
  StepsDone steps = Steps(4, 10, 4);
  const absl::Status gap = progress.AddSteps(steps, kStart);
  EXPECT_TRUE(absl::IsFailedPrecondition(gap));
  EXPECT_EQ(gap.message(), "steps 0 to 3 have not been reported");
  steps.set_forgotten(true);
  ASSERT_TRUE(progress.AddSteps(steps, kStart).ok());
  const auto epoch = progress.FinishedEpoch();
  ASSERT_TRUE(epoch.has_value());
  EXPECT_FALSE(epoch->has_training());
  progress.FinishEpoch(*epoch);
  EXPECT_EQ(progress.FinishedEpoch()->training().samples(), 16u);
}

TEST(JobProgressTest, ARollBackForgetsWhatCameAfter) {
  JobProgress progress;
  progress.SetSchedule(Schedule(12, 4), /*has_validation=*/true);
  ASSERT_TRUE(progress.AddSteps(Steps(0, 4, 4), kStart).ok());
  ASSERT_TRUE(progress.AddValidation(Chunks(0, 0, 2, 2)).ok());
  ASSERT_TRUE(progress.AddValidation(Chunks(4, 0, 2, 2)).ok());
  progress.FinishEpoch(*progress.FinishedEpoch());
  ASSERT_TRUE(progress.AddSteps(Steps(4, 8, 4), kStart).ok());
  ASSERT_TRUE(progress.AddValidation(Chunks(8, 0, 2, 2)).ok());
  EXPECT_TRUE(progress.IsFinishedBefore(8));
  EXPECT_FALSE(progress.IsFinishedBefore(9));
  const EpochMetrics second = *progress.FinishedEpoch();
  progress.FinishEpoch(second);
  ASSERT_TRUE(progress.AddSteps(Steps(8, 10, 4), kStart).ok());

  progress.RollBack(6, {40 + 50, 2, 8});
  EXPECT_EQ(progress.step(), 6u);
  EXPECT_EQ(progress.epochs_finished(), 1u);
  ASSERT_EQ(progress.finished().size(), 1u);
  EXPECT_EQ(progress.SamplesPerSecond(), 0);
  EXPECT_FALSE(progress.AddSteps(Steps(8, 9, 4), kStart).ok());
  ASSERT_TRUE(progress.AddSteps(Steps(6, 8, 4), kStart).ok());
  EXPECT_FALSE(progress.FinishedEpoch().has_value());  // not validated
  ASSERT_TRUE(progress.AddValidation(Chunks(8, 0, 2, 2)).ok());
  const auto again = progress.FinishedEpoch();
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->SerializeAsString(), second.SerializeAsString());

  // At the end of an epoch that is recorded, which stays, and of one that is
  // not, of which the sums stay; the first validation is kept from everywhere.
  progress.RollBack(4, {60, 4, 16});
  EXPECT_EQ(progress.epochs_finished(), 1u);
  EXPECT_TRUE(progress.ValidationBefore().has_value());
  progress.RollBack(0, {});
  EXPECT_EQ(progress.epochs_finished(), 0u);
  EXPECT_TRUE(progress.finished().empty());
  EXPECT_TRUE(progress.ValidationBefore().has_value());
  progress.RollBack(4, {60, 4, 16});
  ASSERT_TRUE(progress.AddValidation(Chunks(4, 0, 2, 2)).ok());
  const auto first = progress.FinishedEpoch();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(FromProto(first->training()), (SampleSums{60, 4, 16}));
}

// Reports that overlap, come twice, late or not at all, against a plain sum.
TEST(JobProgressTest, SumsAreThoseOfTheStepsHoweverTheyAreCut) {
  for (uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    const uint64_t total = 1 + random() % 40;
    const uint64_t per_epoch = 1 + random() % 12;
    JobProgress progress;
    progress.SetSchedule(Schedule(total, per_epoch), false);
    std::vector<EpochMetrics> epochs;
    uint64_t reported = 0;
    while (reported < total) {
      const uint64_t first = random() % (reported + 1);
      const uint64_t last = std::min(total, first + 1 + random() % 10);
      ASSERT_TRUE(
          progress.AddSteps(Steps(first, last, per_epoch), kStart).ok());
      reported = std::max(reported, last);
      ASSERT_EQ(progress.step(), reported);
      while (const auto epoch = progress.FinishedEpoch()) {
        progress.FinishEpoch(*epoch);
        epochs.push_back(*epoch);
      }
      ASSERT_EQ(epochs.size(),
                reported == total ? progress.epochs() : reported / per_epoch);
    }
    ASSERT_TRUE(progress.AllEpochsFinished());
    for (size_t e = 0; e < epochs.size(); ++e) {
      SampleSums sums;
      for (uint64_t step = e * per_epoch;
           step < std::min(total, (e + 1) * per_epoch); ++step) {
        sums += {static_cast<int64_t>(10 * step), 1, 4};
      }
      EXPECT_EQ(epochs[e].epoch(), e + 1);
      EXPECT_EQ(FromProto(epochs[e].training()), sums);
    }
  }
}

TEST(JobProgressTest, EpochsThatAreReadBackBringTheirSteps) {
  JobProgress progress;
  progress.SetSchedule(Schedule(10, 4), false);
  EpochMetrics metrics;
  for (const uint64_t epoch : {1, 2}) {
    metrics.set_epoch(epoch);
    progress.FinishEpoch(metrics);
  }
  EXPECT_EQ(progress.step(), 8u);
  EXPECT_EQ(progress.epochs_finished(), 2u);
  metrics.set_epoch(3);
  progress.FinishEpoch(metrics);
  EXPECT_EQ(progress.step(), 10u);
  EXPECT_TRUE(progress.AllEpochsFinished());
}

TEST(JobProgressTest, ALateRepeatOfAFinishedEpochChangesNothing) {
  JobProgress progress;
  progress.SetSchedule(Schedule(8, 4), true);
  ASSERT_TRUE(progress.AddSteps(Steps(0, 4, 4), kStart).ok());
  ASSERT_TRUE(progress.AddValidation(Chunks(4, 0, 3, 3)).ok());
  progress.FinishEpoch(*progress.FinishedEpoch());
  ASSERT_TRUE(progress.AddSteps(Steps(0, 4, 4), kStart).ok());
  ASSERT_TRUE(progress.AddValidation(Chunks(4, 0, 3, 3)).ok());
  EXPECT_FALSE(progress.FinishedEpoch().has_value());
  ASSERT_TRUE(progress.AddSteps(Steps(4, 8, 4), kStart).ok());
  EXPECT_FALSE(progress.FinishedEpoch().has_value());  // validation is missing
  ASSERT_TRUE(progress.AddValidation(Chunks(8, 0, 3, 3)).ok());
  const auto epoch = progress.FinishedEpoch();
  ASSERT_TRUE(epoch.has_value());
  EXPECT_EQ(epoch->training().samples(), 16u);
  EXPECT_EQ(epoch->validation().samples(), 3u);
}

TEST(JobProgressTest, TheLastEpochMayBeShort) {
  JobProgress progress;
  progress.SetSchedule(Schedule(10, 4), false);
  EXPECT_EQ(progress.epochs(), 3u);
  ASSERT_TRUE(progress.AddSteps(Steps(0, 10, 4), kStart).ok());
  for (uint64_t epoch = 1; epoch <= 3; ++epoch) {
    const auto finished = progress.FinishedEpoch();
    ASSERT_TRUE(finished.has_value());
    EXPECT_EQ(finished->epoch(), epoch);
    EXPECT_EQ(finished->training().samples(), epoch == 3 ? 8u : 16u);
    EXPECT_FALSE(progress.AllEpochsFinished());
    progress.FinishEpoch(*finished);
  }
  EXPECT_TRUE(progress.AllEpochsFinished());
  EXPECT_FALSE(progress.FinishedEpoch().has_value());
}

TEST(JobProgressTest, KeepsTheLastEpochsOnly) {
  JobProgress progress;
  progress.SetSchedule(Schedule(5000, 2), false);
  ASSERT_TRUE(progress.AddSteps(Steps(0, 5000, 2), kStart).ok());
  while (const auto epoch = progress.FinishedEpoch()) {
    progress.FinishEpoch(*epoch);
  }
  EXPECT_TRUE(progress.AllEpochsFinished());
  EXPECT_EQ(progress.epochs_finished(), 2500u);
  EXPECT_EQ(progress.finished().size(), JobProgress::kMaxEpochsKept);
  EXPECT_EQ(progress.finished().front().epoch(), 1501u);
}

TEST(JobProgressTest, AnEpochNeedsItsStepsAndAllOfItsValidation) {
  JobProgress progress;
  progress.SetSchedule(Schedule(4, 4), true);
  ASSERT_TRUE(progress.AddValidation(Chunks(4, 0, 2, 3)).ok());
  ASSERT_TRUE(progress.AddValidation(Chunks(4, 2, 3, 3)).ok());
  EXPECT_FALSE(progress.FinishedEpoch().has_value());  // steps are missing
  ASSERT_TRUE(progress.AddSteps(Steps(0, 4, 4), kStart).ok());
  ASSERT_TRUE(progress.FinishedEpoch().has_value());
  EXPECT_EQ(progress.FinishedEpoch()->validation().samples(), 3u);
  EXPECT_EQ(progress.FinishedEpoch()->validation().loss_nanonats(), 21);
}

TEST(JobProgressTest, AValidationChunkCountsOnce) {
  JobProgress progress;
  progress.SetSchedule(Schedule(4, 4), true);
  ASSERT_TRUE(progress.AddSteps(Steps(0, 4, 4), kStart).ok());
  ASSERT_TRUE(progress.AddValidation(Chunks(4, 0, 2, 3)).ok());
  ASSERT_TRUE(progress.AddValidation(Chunks(4, 0, 2, 3)).ok());
  EXPECT_FALSE(progress.AddValidation(Chunks(4, 1, 3, 3)).ok());  // overlaps
  EXPECT_FALSE(progress.AddValidation(Chunks(4, 2, 4, 4)).ok());  // cut anew
  EXPECT_FALSE(progress.AddValidation(Chunks(4, 2, 1, 3)).ok());
  EXPECT_FALSE(progress.AddValidation(Chunks(4, 0, 0, 0)).ok());
  EXPECT_FALSE(progress.FinishedEpoch().has_value());
  // Other members, other shares: what is not complete is measured anew.
  progress.DropPartialValidation();
  ASSERT_TRUE(progress.AddValidation(Chunks(4, 1, 3, 3)).ok());
  ASSERT_TRUE(progress.AddValidation(Chunks(4, 0, 1, 3)).ok());
  progress.DropPartialValidation();  // complete: stays
  ASSERT_TRUE(progress.FinishedEpoch().has_value());
  EXPECT_EQ(progress.FinishedEpoch()->validation().samples(), 3u);
}

TEST(JobProgressTest, TheMostStepsPerSecondAreTheFastestReports) {
  JobProgress progress;
  progress.SetSchedule(Schedule(1000, 1000), false);
  EXPECT_EQ(progress.MostStepsPerSecond(), 0);
  ASSERT_TRUE(progress.AddSteps(Steps(0, 1, 1000), kStart).ok());
  EXPECT_EQ(progress.MostStepsPerSecond(), 0);  // it may have taken any time
  ASSERT_TRUE(
      progress.AddSteps(Steps(1, 3, 1000), kStart + absl::Seconds(1)).ok());
  EXPECT_DOUBLE_EQ(progress.MostStepsPerSecond(), 2);
  ASSERT_TRUE(
      progress.AddSteps(Steps(3, 13, 1000), kStart + absl::Milliseconds(1200))
          .ok());
  EXPECT_DOUBLE_EQ(progress.MostStepsPerSecond(), 50);
  // Right behind one that was held up.
  ASSERT_TRUE(
      progress.AddSteps(Steps(13, 15, 1000), kStart + absl::Milliseconds(1201))
          .ok());
  EXPECT_DOUBLE_EQ(progress.MostStepsPerSecond(), 50);
  JobProgress fresh;
  fresh.SetSchedule(Schedule(1000, 1000), false);
  ASSERT_TRUE(fresh.AddSteps(Steps(0, 5, 1000), kStart).ok());
  EXPECT_DOUBLE_EQ(fresh.MostStepsPerSecond(), 50);
}

TEST(JobProgressTest, RatesAreThoseOfTheLastSeconds) {
  JobProgress progress;
  progress.SetSchedule(Schedule(1000, 1000), false);
  EXPECT_EQ(progress.SamplesPerSecond(), 0);
  for (uint64_t second = 0; second < 20; ++second) {
    // 10 steps a second, later 20.
    const uint64_t first = progress.step();
    ASSERT_TRUE(
        progress
            .AddSteps(Steps(first, first + (second < 10 ? 10 : 20), 1000),
                      kStart + absl::Seconds(static_cast<double>(second)))
            .ok());
  }
  EXPECT_DOUBLE_EQ(progress.SamplesPerSecond(), 80);
  EXPECT_DOUBLE_EQ(progress.SecondsLeft(), (1000 - 300) / 20.0);
}

}  // namespace
}  // namespace hawser
