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

// Steps [first, last), each with loss 10 * step and 4 samples.
StepsDone Steps(uint64_t first, uint64_t last) {
  StepsDone steps;
  steps.set_first_step(first);
  steps.set_step(last);
  for (uint64_t step = first; step < last; ++step) {
    *steps.add_per_step() = ToProto({static_cast<int64_t>(10 * step), 1, 4});
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
  EXPECT_FALSE(progress.AddSteps(Steps(0, 1), kStart).ok());  // not started
  progress.SetSchedule(Schedule(10, 4), false);
  ASSERT_TRUE(progress.AddSteps(Steps(0, 3), kStart).ok());
  ASSERT_TRUE(progress.AddSteps(Steps(0, 3), kStart).ok());
  ASSERT_TRUE(progress.AddSteps(Steps(1, 4), kStart).ok());
  EXPECT_EQ(progress.step(), 4u);
  EXPECT_FALSE(progress.AddSteps(Steps(6, 7), kStart).ok());  // a gap
  EXPECT_EQ(progress.step(), 4u);
  const auto epoch = progress.FinishedEpoch();
  ASSERT_TRUE(epoch.has_value());
  EXPECT_EQ(FromProto(epoch->training()),
            (SampleSums{0 + 10 + 20 + 30, 4, 16}));
}

TEST(JobProgressTest, AGapIsNamedAndStepsBeyondTheEndAreIgnored) {
  JobProgress progress;
  progress.SetSchedule(Schedule(10, 4), false);
  ASSERT_TRUE(progress.AddSteps(Steps(0, 3), kStart).ok());
  const absl::Status gap = progress.AddSteps(Steps(6, 7), kStart);
  EXPECT_TRUE(absl::IsFailedPrecondition(gap));
  EXPECT_EQ(gap.message(), "steps 3 to 5 have not been reported");
  ASSERT_TRUE(progress.AddSteps(Steps(2, 50), kStart).ok());
  EXPECT_EQ(progress.step(), 10u);
}

// Reports that overlap, come twice or leave gaps, against a plain sum.
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
      const uint64_t first = random() % (reported + 3);
      const uint64_t last = first + random() % 10;
      const absl::Status status = progress.AddSteps(Steps(first, last), kStart);
      ASSERT_EQ(status.ok(), first <= reported);
      if (status.ok()) {
        reported = std::min(total, std::max(reported, last));
      }
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
  ASSERT_TRUE(progress.AddSteps(Steps(0, 4), kStart).ok());
  ASSERT_TRUE(progress.AddValidation(Chunks(4, 0, 3, 3)).ok());
  progress.FinishEpoch(*progress.FinishedEpoch());
  ASSERT_TRUE(progress.AddSteps(Steps(0, 4), kStart).ok());
  ASSERT_TRUE(progress.AddValidation(Chunks(4, 0, 3, 3)).ok());
  EXPECT_FALSE(progress.FinishedEpoch().has_value());
  ASSERT_TRUE(progress.AddSteps(Steps(4, 8), kStart).ok());
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
  ASSERT_TRUE(progress.AddSteps(Steps(0, 10), kStart).ok());
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
  ASSERT_TRUE(progress.AddSteps(Steps(0, 5000), kStart).ok());
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
  ASSERT_TRUE(progress.AddSteps(Steps(0, 4), kStart).ok());
  ASSERT_TRUE(progress.FinishedEpoch().has_value());
  EXPECT_EQ(progress.FinishedEpoch()->validation().samples(), 3u);
  EXPECT_EQ(progress.FinishedEpoch()->validation().loss_nanonats(), 21);
}

TEST(JobProgressTest, AValidationChunkCountsOnce) {
  JobProgress progress;
  progress.SetSchedule(Schedule(4, 4), true);
  ASSERT_TRUE(progress.AddSteps(Steps(0, 4), kStart).ok());
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
  ASSERT_TRUE(progress.AddSteps(Steps(0, 1), kStart).ok());
  EXPECT_EQ(progress.MostStepsPerSecond(), 0);  // it may have taken any time
  ASSERT_TRUE(progress.AddSteps(Steps(1, 3), kStart + absl::Seconds(1)).ok());
  EXPECT_DOUBLE_EQ(progress.MostStepsPerSecond(), 2);
  ASSERT_TRUE(
      progress.AddSteps(Steps(3, 13), kStart + absl::Milliseconds(1200)).ok());
  EXPECT_DOUBLE_EQ(progress.MostStepsPerSecond(), 50);
  // Right behind one that was held up.
  ASSERT_TRUE(
      progress.AddSteps(Steps(13, 15), kStart + absl::Milliseconds(1201)).ok());
  EXPECT_DOUBLE_EQ(progress.MostStepsPerSecond(), 50);
  JobProgress fresh;
  fresh.SetSchedule(Schedule(1000, 1000), false);
  ASSERT_TRUE(fresh.AddSteps(Steps(0, 5), kStart).ok());
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
            .AddSteps(Steps(first, first + (second < 10 ? 10 : 20)),
                      kStart + absl::Seconds(static_cast<double>(second)))
            .ok());
  }
  EXPECT_DOUBLE_EQ(progress.SamplesPerSecond(), 80);
  EXPECT_DOUBLE_EQ(progress.SecondsLeft(), (1000 - 300) / 20.0);
}

}  // namespace
}  // namespace hawser
