#include "common/job/plan_moves.h"

#include "gtest/gtest.h"

namespace hawser {
namespace {

// Block 0 on the first of three servers, its replica on the second; block 1 on
// the second, its replica on the third.
Plan Replicated() {
  Plan plan;
  for (const uint32_t id : {0u, 1u}) {
    Block* block = plan.add_blocks();
    block->set_id(id);
    block->set_server(id);
    block->set_replica(id + 2);
  }
  return plan;
}

void AddFill(uint32_t block, Plan* plan) {
  BlockMove* move = plan->add_moves();
  move->set_block(block);
  move->set_replica(true);
}

TEST(PlanMovesTest, APauseTellsMovesFromFills) {
  Plan plan = Replicated();
  EXPECT_FALSE(MovesBlocks(plan));
  EXPECT_FALSE(FillsReplicas(plan));
  AddFill(0, &plan);
  EXPECT_FALSE(MovesBlocks(plan));
  EXPECT_TRUE(FillsReplicas(plan));
  plan.set_pause(true);
  EXPECT_TRUE(MovesBlocks(plan));
  EXPECT_FALSE(FillsReplicas(plan));
}

TEST(PlanMovesTest, WhoHasNothingButFillsGetsAllFromOthers) {
  Plan plan = Replicated();
  for (const uint32_t server : {0u, 1u, 2u}) {
    EXPECT_FALSE(AllComesFromOthers(plan, server)) << server;
  }
  AddFill(0, &plan);
  EXPECT_FALSE(AllComesFromOthers(plan, 1)) << "it has block 1";
  AddFill(1, &plan);
  EXPECT_TRUE(AllComesFromOthers(plan, 2));
  EXPECT_FALSE(AllComesFromOthers(plan, 0));
  plan.set_pause(true);
  EXPECT_TRUE(AllComesFromOthers(plan, 0));
}

}  // namespace
}  // namespace hawser
