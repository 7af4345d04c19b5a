#include "server/state/checkpoint_cuts.h"

#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr uint64_t kMicroBatches = 4;

// 30 steps, 10 an epoch.
StepSchedule Schedule() {
  Phase phase;
  phase.mutable_synchronisation()->set_mode(ASYNCHRONOUS);
  google::protobuf::RepeatedPtrField<Phase> phases;
  *phases.Add() = phase;
  return StepSchedule(30, 10, phases);
}

CheckpointSpec EverySteps(uint64_t steps) {
  CheckpointSpec spec;
  spec.set_every_steps(steps);
  return spec;
}

TEST(CheckpointCutsTest, NothingBeyondACutUntilAllBeforeItIsCounted) {
  CheckpointCuts cuts(EverySteps(3), kMicroBatches);
  EXPECT_EQ(cuts.End(7, Schedule()), 7u);
  EXPECT_EQ(cuts.End(12, Schedule()), 12u);
  EXPECT_EQ(cuts.End(100, Schedule()), 12u);
  cuts.Leased({0, 12});
  cuts.Counted(11);
  EXPECT_EQ(cuts.End(100, Schedule()), 12u);
  cuts.Counted(12);
  EXPECT_EQ(cuts.End(100, Schedule()), 24u);
}

TEST(CheckpointCutsTest, AtTheEndsOfEpochs) {
  CheckpointSpec spec;
  spec.set_every_epochs(2);
  CheckpointCuts cuts(spec, kMicroBatches);
  EXPECT_EQ(cuts.End(120, Schedule()), 80u);
  cuts.Counted(80);
  EXPECT_EQ(cuts.End(120, Schedule()), 120u) << "the last one needs no cut";
}

TEST(CheckpointCutsTest, WithoutCheckpointsNobodyWaits) {
  CheckpointCuts cuts(CheckpointSpec(), kMicroBatches);
  EXPECT_EQ(cuts.End(120, Schedule()), 120u);
}

TEST(CheckpointCutsTest, AnOrderedCutStaysUntilItIsOver) {
  CheckpointCuts cuts(CheckpointSpec(), kMicroBatches);
  EXPECT_EQ(cuts.End(100, Schedule()), 100u);
  EXPECT_TRUE(cuts.Order(5));
  EXPECT_EQ(cuts.End(100, Schedule()), 20u);
  EXPECT_TRUE(cuts.Order(7)) << "in its place, but not everywhere at once";
  EXPECT_TRUE(cuts.Order(0));
  EXPECT_EQ(cuts.End(100, Schedule()), 20u);
  cuts.Counted(20);
  EXPECT_EQ(cuts.End(100, Schedule()), 28u);
  cuts.Counted(31);
  EXPECT_EQ(cuts.End(100, Schedule()), 100u);
}

TEST(CheckpointCutsTest, ItIsTooLateForAStepThatSomethingIsBeyondOf) {
  CheckpointCuts cuts(CheckpointSpec(), kMicroBatches);
  cuts.Leased({2, 3});
  EXPECT_FALSE(cuts.Order(1));
  EXPECT_TRUE(cuts.Order(2));
  EXPECT_TRUE(cuts.Order(2)) << "told again";
  cuts.Leased({5, 3});
  EXPECT_TRUE(cuts.Order(2));
  cuts.Counted(8);
  EXPECT_FALSE(cuts.Order(2)) << "the blocks are there";
  EXPECT_TRUE(cuts.Order(3));
}

TEST(CheckpointCutsTest, WhereLeasesGoOnAnOrderMayHaveComeTooEarly) {
  CheckpointCuts cuts(CheckpointSpec(), kMicroBatches);
  EXPECT_TRUE(cuts.Order(2));
  EXPECT_TRUE(cuts.Order(4));
  cuts.GoOnFrom(4);
  cuts.Leased({0, 9});
  EXPECT_FALSE(cuts.Order(2));
  EXPECT_EQ(cuts.End(100, Schedule()), 16u);
}

TEST(CheckpointCutsTest, LeasesThatGoBackAreCutAgain) {
  CheckpointCuts cuts(EverySteps(3), kMicroBatches);
  cuts.Leased({0, 20});
  cuts.Counted(20);
  EXPECT_EQ(cuts.End(100, Schedule()), 24u);
  cuts.GoOnFrom(8);
  EXPECT_EQ(cuts.End(100, Schedule()), 12u);
  EXPECT_TRUE(cuts.Order(4));
}

TEST(CheckpointCutsTest, AnotherScheduleHasOtherCuts) {
  CheckpointCuts cuts(EverySteps(6), kMicroBatches);
  EXPECT_EQ(cuts.End(100, Schedule()), 24u);
  google::protobuf::RepeatedPtrField<Phase> phases;
  phases.Add()->mutable_synchronisation()->set_mode(ASYNCHRONOUS);
  phases.Add()->set_from_step(2);
  phases[1].mutable_synchronisation()->set_mode(ASYNCHRONOUS);
  phases[1].mutable_synchronisation()->set_local_steps(2);
  cuts.LookAgain();
  // Two optimizer steps a step from step 2 on.
  EXPECT_EQ(cuts.End(40, StepSchedule(30, 10, phases)), 16u);
}

TEST(CheckpointCutsTest, NoMoreOrdersThanMayBe) {
  CheckpointCuts cuts(CheckpointSpec(), kMicroBatches);
  for (uint64_t step = 1; step <= CheckpointCuts::kMostOrdered; ++step) {
    EXPECT_TRUE(cuts.Order(step));
  }
  EXPECT_FALSE(cuts.Order(CheckpointCuts::kMostOrdered + 1));
  cuts.Counted(kMicroBatches);
  EXPECT_TRUE(cuts.Order(CheckpointCuts::kMostOrdered + 1));
}

}  // namespace
}  // namespace hawser
