#include "common/job/step_schedule.h"

#include <vector>

#include "common/counter_random.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

google::protobuf::RepeatedPtrField<Phase> Phases(
    const std::vector<std::pair<uint64_t, uint32_t>>& starts) {
  google::protobuf::RepeatedPtrField<Phase> phases;
  for (const auto& [from, local_steps] : starts) {
    Phase* phase = phases.Add();
    phase->set_from_step(from);
    phase->mutable_synchronisation()->set_local_steps(local_steps);
  }
  return phases;
}

TEST(StepScheduleTest, WithoutLocalStepsAStepIsAnOptimizerStep) {
  const StepSchedule schedule(12, 5, Phases({{0, 1}}));
  EXPECT_EQ(schedule.total_steps(), 12u);
  EXPECT_EQ(schedule.epochs(), 3u);
  EXPECT_EQ(schedule.EpochOf(9), 1u);
  EXPECT_TRUE(schedule.EndsEpoch(5));
  EXPECT_FALSE(schedule.EndsEpoch(0));
  EXPECT_FALSE(schedule.EndsEpoch(11));
  EXPECT_TRUE(schedule.EndsEpoch(12));
  EXPECT_EQ(schedule.EpochsOver(11), 2u);
  EXPECT_EQ(schedule.EpochsOver(12), 3u);
  EXPECT_EQ(schedule.StepsAtEndOf(3), 12u);
}

TEST(StepScheduleTest, AnEpochsLastStepIsShorter) {
  const StepSchedule schedule(12, 5, Phases({{0, 2}}));
  EXPECT_EQ(schedule.total_steps(), 7u);  // 2 2 1 | 2 2 1 | 2
  EXPECT_EQ(schedule.At(2).first, 4u);
  EXPECT_EQ(schedule.At(2).count, 1u);
  EXPECT_EQ(schedule.At(3).first, 5u);
  EXPECT_TRUE(schedule.EndsEpoch(3));
  EXPECT_EQ(schedule.StepsAtEndOf(2), 6u);
}

// Against a walk, step by step, for many lengths and phases.
TEST(StepScheduleTest, AgreesWithAWalk) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const CounterRandom random(seed, RandomPurpose::kSampleOrder, 0);
    const uint64_t per_epoch = 1 + random.Below(0, 9);
    const uint64_t total = 1 + random.Below(1, 40);
    std::vector<std::pair<uint64_t, uint32_t>> starts = {
        {0, 1 + static_cast<uint32_t>(random.Below(2, 5))}};
    for (uint64_t i = 0; i < random.Below(3, 4); ++i) {
      starts.push_back({starts.back().first + 1 + random.Below(4 + i, 6),
                        1 + static_cast<uint32_t>(random.Below(8 + i, 5))});
    }
    const StepSchedule schedule(total, per_epoch, Phases(starts));
    uint64_t optimizer_step = 0;
    uint64_t step = 0;
    size_t phase = 0;
    while (optimizer_step < total) {
      while (phase + 1 < starts.size() && starts[phase + 1].first == step) {
        ++phase;
      }
      uint64_t count = 0;
      EXPECT_EQ(schedule.At(step).first, optimizer_step) << "seed " << seed;
      EXPECT_EQ(schedule.EpochOf(step), optimizer_step / per_epoch);
      EXPECT_EQ(schedule.PhaseIndexOf(step), phase) << "seed " << seed;
      do {
        ++optimizer_step;
        ++count;
      } while (optimizer_step % per_epoch != 0 && optimizer_step < total &&
               count < starts[phase].second);
      EXPECT_EQ(schedule.At(step).count, count) << "seed " << seed;
      ++step;
      const bool ends =
          optimizer_step % per_epoch == 0 || optimizer_step == total;
      EXPECT_EQ(schedule.EndsEpoch(step), ends) << "seed " << seed;
      if (ends) {
        const uint64_t epoch = (optimizer_step + per_epoch - 1) / per_epoch;
        EXPECT_EQ(schedule.StepsAtEndOf(epoch), step) << "seed " << seed;
        EXPECT_EQ(schedule.EpochsOver(step), epoch) << "seed " << seed;
      }
    }
    EXPECT_EQ(schedule.total_steps(), step) << "seed " << seed;
  }
}

}  // namespace
}  // namespace hawser
