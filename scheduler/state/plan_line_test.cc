#include "scheduler/state/plan_line.h"

#include "gtest/gtest.h"

namespace hawser {
namespace {

// Two blocks of 10 and 20 parameters, on two servers.
Plan TwoBlocks() {
  Plan plan;
  plan.set_incarnation(7);
  plan.set_total_steps(100);
  for (uint32_t i = 0; i < 2; ++i) {
    plan.add_servers()->set_node(10 + i);
    Block* block = plan.add_blocks();
    block->set_server(i);
    block->set_elements(10 * (i + 1));
  }
  plan.add_workers()->set_node(20);
  return plan;
}

TEST(PlanLineTest, WhatAPlanIsThatGoesOn) {
  EXPECT_EQ(PlanLine(TwoBlocks()),
            "incarnation 7: 2 blocks on 2 servers, 1 workers, 100 steps");
}

TEST(PlanLineTest, ThatTheDataIsOpened) {
  Plan plan = TwoBlocks();
  plan.set_total_steps(0);
  EXPECT_EQ(PlanLine(plan), "incarnation 7: 1 workers open the data");
}

TEST(PlanLineTest, APause) {
  Plan plan = TwoBlocks();
  plan.set_pause(true);
  EXPECT_EQ(PlanLine(plan), "incarnation 7: pauses");
}

TEST(PlanLineTest, HowMuchMovesAndWhichReplicasAreFilledMeanwhile) {
  Plan plan = TwoBlocks();
  plan.set_pause(true);
  plan.mutable_blocks(1)->set_server(0);
  plan.add_moves()->set_block(1);
  EXPECT_EQ(PlanLine(plan),
            "incarnation 7: moves 1 of 2 blocks, 20 parameters, to be on 1 "
            "servers");
  BlockMove* fill = plan.add_moves();
  fill->set_block(0);
  fill->set_replica(true);
  EXPECT_EQ(PlanLine(plan),
            "incarnation 7: moves 1 of 2 blocks and fills replicas of 1, 30 "
            "parameters, to be on 1 servers");
}

TEST(PlanLineTest, AFillOfReplicasDuringWhichTheJobRuns) {
  Plan plan = TwoBlocks();
  plan.mutable_blocks(0)->set_replica(2);
  BlockMove* fill = plan.add_moves();
  fill->set_block(0);
  fill->set_replica(true);
  EXPECT_EQ(PlanLine(plan),
            "incarnation 7: fills replicas of 1 of 2 blocks on 1 servers, and "
            "runs on");
}

}  // namespace
}  // namespace hawser
