#include "scheduler/state/incarnation_reason.h"

#include <initializer_list>
#include <set>
#include <string>

#include "gtest/gtest.h"

namespace hawser {
namespace {

// A running job: two blocks on two servers.
Plan Running(std::initializer_list<uint64_t> workers) {
  Plan plan;
  plan.set_total_steps(100);
  plan.set_blocks_since(7);
  for (const uint64_t node : {1, 2}) plan.add_servers()->set_node(node);
  for (const uint32_t server : {0, 1}) {
    plan.add_blocks()->set_server(server);
  }
  for (const uint64_t node : workers) plan.add_workers()->set_node(node);
  return plan;
}

TEST(IncarnationReasonTest, TheFirstPlanAndTheOneWithBlocksAreTheStart) {
  Plan opens_data;
  opens_data.add_workers()->set_node(5);
  EXPECT_EQ(ReasonOf(std::nullopt, opens_data), IncarnationReason::kStart);
  EXPECT_EQ(ReasonOf(opens_data, Running({5})), IncarnationReason::kStart);
}

TEST(IncarnationReasonTest, WorkersThatGoAndCome) {
  EXPECT_EQ(ReasonOf(Running({5, 6}), Running({5})),
            IncarnationReason::kWorkerLost);
  // Another in its place: it was lost all the same.
  EXPECT_EQ(ReasonOf(Running({5, 6}), Running({5, 8})),
            IncarnationReason::kWorkerLost);
  EXPECT_EQ(ReasonOf(Running({5}), Running({5, 8})),
            IncarnationReason::kWorkerJoined);
}

TEST(IncarnationReasonTest, ARollBackWhateverElseHasChanged) {
  Plan next = Running({5});
  next.set_blocks_since(9);
  EXPECT_EQ(ReasonOf(Running({5, 6}), next), IncarnationReason::kServerLost);
}

TEST(IncarnationReasonTest, AChangeOfTheSettingIsTwoPlans) {
  Plan pause = Running({5});
  pause.set_pause(true);
  EXPECT_EQ(ReasonOf(Running({5}), pause), IncarnationReason::kSettingChanged);
  EXPECT_EQ(ReasonOf(pause, Running({5})), IncarnationReason::kSettingChanged);
}

TEST(IncarnationReasonTest, BlocksThatMove) {
  Plan next = Running({5});
  next.mutable_blocks(1)->set_server(0);
  EXPECT_EQ(ReasonOf(Running({5}), next), IncarnationReason::kBlocksMoved);
  // The same servers in another order hold what they held.
  Plan reordered = Running({5});
  reordered.mutable_servers()->SwapElements(0, 1);
  reordered.mutable_blocks(0)->set_server(1);
  reordered.mutable_blocks(1)->set_server(0);
  EXPECT_EQ(ReasonOf(Running({5}), reordered),
            IncarnationReason::kSchedulerRestart);
}

TEST(IncarnationReasonTest, ReplicasThatAreFilled) {
  Plan fill = Running({5});
  fill.mutable_blocks(0)->set_replica(2);
  fill.add_moves()->set_replica(true);
  EXPECT_EQ(ReasonOf(Running({5}), fill), IncarnationReason::kBlocksMoved);
  Plan filled = fill;
  filled.clear_moves();
  EXPECT_EQ(ReasonOf(fill, filled), IncarnationReason::kBlocksMoved);
  EXPECT_EQ(ReasonOf(filled, filled), IncarnationReason::kSchedulerRestart);
}

TEST(IncarnationReasonTest, NothingHasChangedButTheScheduler) {
  EXPECT_EQ(ReasonOf(Running({5}), Running({5})),
            IncarnationReason::kSchedulerRestart);
}

TEST(IncarnationReasonTest, EachHasANameOfItsOwn) {
  std::set<std::string> names;
  for (size_t reason = 0; reason < kIncarnationReasons; ++reason) {
    names.insert(NameOf(static_cast<IncarnationReason>(reason)));
  }
  EXPECT_EQ(names.size(), kIncarnationReasons);
  EXPECT_EQ(names.count("unknown"), 0u);
}

}  // namespace
}  // namespace hawser
