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

TEST(CheckpointCutsTest, ARunEndsAtTheNextStepThatACheckpointIsMadeOf) {
  const CheckpointCuts cuts(EverySteps(3), kMicroBatches);
  EXPECT_EQ(cuts.Most(0, 100, Schedule()), 12u);
  EXPECT_EQ(cuts.Most(0, 7, Schedule()), 7u);
  EXPECT_EQ(cuts.Most(11, 100, Schedule()), 1u);
  EXPECT_EQ(cuts.Most(12, 12, Schedule()), 12u);
}

TEST(CheckpointCutsTest, AnOrderedOneCutsUntilAnotherIsOrdered) {
  CheckpointCuts cuts(CheckpointSpec(), kMicroBatches);
  EXPECT_EQ(cuts.Most(0, 100, Schedule()), 100u);
  EXPECT_TRUE(cuts.Order(5));
  EXPECT_EQ(cuts.Most(0, 100, Schedule()), 20u);
  EXPECT_EQ(cuts.Most(20, 100, Schedule()), 100u);
  EXPECT_TRUE(cuts.Order(0));
  EXPECT_EQ(cuts.Most(0, 100, Schedule()), 100u);
}

TEST(CheckpointCutsTest, ItIsTooLateForAStepThatARunCrosses) {
  CheckpointCuts cuts(CheckpointSpec(), kMicroBatches);
  cuts.Leased({2, 3}, 0);
  cuts.Leased({5, 3}, 0);
  cuts.Leased({8, 9}, 0);
  EXPECT_FALSE(cuts.Order(1));
  EXPECT_TRUE(cuts.Order(2));
  EXPECT_FALSE(cuts.Order(3));
  EXPECT_FALSE(cuts.Order(4));
  EXPECT_TRUE(cuts.Order(5));
}

TEST(CheckpointCutsTest, WhereRunsWereCutBeforeNobodyKnows) {
  CheckpointCuts cuts(CheckpointSpec(), kMicroBatches);
  cuts.Leased({18, 4}, 0);
  cuts.GoOnFrom(9);
  EXPECT_FALSE(cuts.Order(2));
  EXPECT_TRUE(cuts.Order(3));
  EXPECT_TRUE(cuts.Order(5));
}

TEST(CheckpointCutsTest, WhatIsCountedIsForgotten) {
  CheckpointCuts cuts(CheckpointSpec(), kMicroBatches);
  cuts.Leased({2, 4}, 0);
  cuts.Leased({6, 4}, 12);
  // Nobody orders what is complete.
  EXPECT_TRUE(cuts.Order(1));
}

}  // namespace
}  // namespace hawser
