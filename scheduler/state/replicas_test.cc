#include "scheduler/state/replicas.h"

#include <random>
#include <vector>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

std::vector<Block> Blocks(const std::vector<uint32_t>& servers) {
  std::vector<Block> blocks;
  for (const uint32_t server : servers) {
    Block& block = blocks.emplace_back();
    block.set_id(static_cast<uint32_t>(blocks.size()) - 1);
    block.set_elements(100);
    block.set_server(server);
  }
  return blocks;
}

Plan PlanOf(const std::string& text) {
  Plan plan;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &plan));
  for (int i = 0; i < plan.blocks_size(); ++i) {
    plan.mutable_blocks(i)->set_id(static_cast<uint32_t>(i));
  }
  return plan;
}

TEST(ReplicasTest, NoTwoCopiesAreOnOneServerAndTheLoadIsEven) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    const uint32_t servers = 2 + random() % 4;
    std::vector<uint32_t> places;
    for (uint32_t i = 0; i < 12 * servers; ++i) places.push_back(i % servers);
    std::vector<Block> blocks = Blocks(places);
    PlaceReplicas(std::vector<std::string>(servers, "host"), &blocks);
    std::vector<int> replicas(servers, 0);
    for (const Block& block : blocks) {
      ASSERT_NE(block.replica(), 0u);
      ASSERT_NE(block.replica() - 1, block.server());
      ++replicas[block.replica() - 1];
    }
    for (const int count : replicas) EXPECT_NEAR(count, 12, 1);
  }
}

TEST(ReplicasTest, AnotherHostIsTakenIfThereIsOne) {
  std::vector<Block> blocks = Blocks({0, 0, 1, 1, 2, 2});
  PlaceReplicas({"a", "a", "b"}, &blocks);
  for (const Block& block : blocks) {
    EXPECT_EQ(block.server() == 2, block.replica() - 1 != 2);
  }
}

TEST(ReplicasTest, OneThatIsThereStays) {
  std::vector<Block> blocks = Blocks({0, 0});
  blocks[0].set_replica(3);
  PlaceReplicas({"", "", ""}, &blocks);
  EXPECT_EQ(blocks[0].replica(), 3u);
  EXPECT_EQ(blocks[1].replica(), 2u);
}

TEST(ReplicasTest, OneServerKeepsOneCopy) {
  std::vector<Block> blocks = Blocks({0});
  PlaceReplicas({"a"}, &blocks);
  EXPECT_EQ(blocks[0].replica(), 0u);
}

constexpr char kThree[] = R"pb(
  incarnation: 9
  servers { node: 11 }
  servers { node: 12 }
  servers { node: 13 }
  blocks { server: 0 replica: 2 }
  blocks { server: 1 replica: 3 }
  blocks { server: 2 replica: 1 }
)pb";

TEST(ReplicasTest, AnyOneMayBeLost) {
  const Plan plan = PlanOf(kThree);
  for (const uint64_t lost : {11, 12, 13}) {
    EXPECT_TRUE(Survives(plan, {lost}));
    Plan after = plan;
    TakeOver({lost}, &after);
    ASSERT_EQ(after.servers_size(), 2);
    EXPECT_EQ(after.placed_since(), 9u);
    for (int b = 0; b < 3; ++b) {
      const Block& block = after.blocks(b);
      const uint64_t node =
          after.servers(static_cast<int>(block.server())).node();
      EXPECT_NE(node, lost);
      const Block& before = plan.blocks(b);
      const uint64_t first =
          plan.servers(static_cast<int>(before.server())).node();
      const uint64_t second =
          plan.servers(static_cast<int>(before.replica()) - 1).node();
      EXPECT_EQ(node, first == lost ? second : first);
      EXPECT_EQ(block.replica() == 0, first == lost || second == lost);
    }
  }
}

TEST(ReplicasTest, TwoThatHaveAllOfABlockMayNot) {
  const Plan plan = PlanOf(kThree);
  EXPECT_FALSE(Survives(plan, {11, 12}));
  Plan alone = plan;
  alone.mutable_blocks(1)->clear_replica();
  EXPECT_FALSE(Survives(alone, {12}));
  EXPECT_TRUE(Survives(alone, {13}));
}

TEST(ReplicasTest, WhatIsOnItsWayIsWhereItWas) {
  // Block 0 goes from 11 to 14; its replica, on 12, stays. Block 1's replica is
  // filled on 14.
  Plan plan = PlanOf(kThree);
  plan.add_servers()->set_node(14);
  plan.mutable_blocks(0)->set_server(3);
  plan.mutable_blocks(1)->set_replica(4);
  BlockMove* move = plan.add_moves();
  move->set_from(0);
  BlockMove* fill = plan.add_moves();
  fill->set_block(1);
  fill->set_from(1);
  fill->set_replica(true);
  EXPECT_EQ(KeepersOf(plan), (std::set<uint64_t>{11, 12, 13}));
  EXPECT_TRUE(Survives(plan, {11}));
  EXPECT_TRUE(Survives(plan, {14}));
  EXPECT_FALSE(Survives(plan, {12})) << "14 has nothing of block 1 yet";
  TakeOver({11}, &plan);
  EXPECT_EQ(plan.moves_size(), 0);
  ASSERT_EQ(plan.servers_size(), 2);
  EXPECT_EQ(plan.servers(0).node(), 12u);
  EXPECT_EQ(plan.servers(1).node(), 13u);
  EXPECT_EQ(plan.blocks(0).server(), 0u);
  EXPECT_EQ(plan.blocks(0).replica(), 0u);
  EXPECT_EQ(plan.blocks(1).server(), 0u);
  EXPECT_EQ(plan.blocks(1).replica(), 0u);
  EXPECT_EQ(plan.blocks(2).server(), 1u);
}

}  // namespace
}  // namespace hawser
