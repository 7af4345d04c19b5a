// Two shards, of which each keeps replicas of the other's blocks: what is told
// when, and what is left when one of them is lost.
#include <map>
#include <vector>

#include "gtest/gtest.h"
#include "server/replica_test_support.h"

namespace hawser {
namespace {

class ReplicasTest : public testing::TestWithParam<double> {
 protected:
  Plan PlanToTest() {
    Plan plan = ReplicatedPlan(1, 10);
    plan.mutable_spec()->mutable_optimizer()->set_clip_global_norm(GetParam());
    return plan;
  }
};

TEST_P(ReplicasTest, WhoTakesOverHasTheSameBits) {
  const Plan plan = PlanToTest();
  Pair pair(plan);
  for (uint64_t step = 0; step < 3; ++step) {
    pair.Push(step, 0.5f + static_cast<float>(step));
    pair.Theta(step + 1);
  }
  pair.LoseFirst();
  pair.Pull(3);
  EXPECT_EQ(pair.Theta(3), Alone(plan, {0.5, 1.5, 2.5}));
  // The version before, too.
  pair.Pull(2);
  EXPECT_EQ(pair.Theta(2), Alone(plan, {0.5, 1.5}));
  pair.Push(3, -4);
  EXPECT_EQ(pair.Theta(4), Alone(plan, {0.5, 1.5, 2.5, -4}));
}

TEST_P(ReplicasTest, NobodyIsToldOfAnUpdateThatTheReplicaLacks) {
  const Plan plan = PlanToTest();
  Pair pair(plan);
  pair.Push(0, 1);
  pair.Theta(1);
  pair.door_.Set(false);
  pair.Push(1, 2);
  pair.door_.AwaitKnock();
  EXPECT_TRUE(pair.inbox_->empty());
  EXPECT_EQ(pair.shards_[0]->completed_steps(), 1u);
  pair.door_.Set(true);
  EXPECT_EQ(pair.Theta(2), Alone(plan, {1, 2}));
}

TEST_P(ReplicasTest, AnUpdateOnItsWayIsMadeInTheNextIncarnation) {
  const Plan plan = PlanToTest();
  Pair pair(plan);
  pair.Push(0, 1);
  pair.Theta(1);
  pair.door_.Set(false);
  pair.Push(1, 2);
  pair.door_.AwaitKnock();
  pair.plan_.set_incarnation(10);
  pair.Adopt();
  pair.door_.Set(true);
  pair.AwaitRefusals();
  pair.Level();
  pair.Push(1, 2);  // again
  EXPECT_EQ(pair.Theta(2), Alone(plan, {1, 2}));
}

TEST_P(ReplicasTest, TheStepInProgressIsMadeByWhoTakesOver) {
  const Plan plan = PlanToTest();
  Pair pair(plan);
  pair.Push(0, 1);
  pair.Theta(1);
  pair.door_.Set(false);
  pair.Push(1, 2);
  pair.door_.AwaitKnock();
  pair.LoseFirst();
  pair.AwaitRefusals();
  pair.door_.Set(true);
  pair.Push(1, 2);  // again
  EXPECT_EQ(pair.Theta(2), Alone(plan, {1, 2}));
}

TEST_P(ReplicasTest, AReplicaThatIsMissingIsFilled) {
  const Plan plan = PlanToTest();
  Pair pair(plan);
  pair.Push(0, 1);
  pair.Theta(1);
  // Without replicas for a step.
  Plan alone = plan;
  for (Block& block : *alone.mutable_blocks()) block.clear_replica();
  alone.set_incarnation(10);
  pair.plan_ = alone;
  pair.Adopt();
  pair.Push(1, 2);
  pair.Theta(2);
  pair.plan_ = plan;
  pair.plan_.set_incarnation(11);
  pair.Adopt();
  EXPECT_EQ(pair.Level(), plan.blocks_size());
  pair.LoseFirst();
  pair.Pull(2);
  EXPECT_EQ(pair.Theta(2), Alone(plan, {1, 2}));
}

TEST_P(ReplicasTest, WhatIsAlikeIsNotFetched) {
  Pair pair(PlanToTest());
  pair.Push(0, 1);
  pair.Theta(1);
  pair.plan_.set_incarnation(10);
  pair.Adopt();
  EXPECT_EQ(pair.Level(), 0);
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutClipping, ReplicasTest,
                         testing::Values(0, 0.25));

// --- Where each push is applied on arrival ---

class ArrivalReplicasTest : public testing::Test {
 protected:
  ArrivalReplicasTest() : pair_(AsynchronousPlan()) {}

  static Plan AsynchronousPlan() {
    Plan plan = ReplicatedPlan(2, 10);
    plan.mutable_phases(0)->mutable_synchronisation()->set_mode(ASYNCHRONOUS);
    return plan;
  }
  void PushRun(uint64_t position, float gradient) {
    for (const Block& block : pair_.plan_.blocks()) {
      FrameHeader header = PushHeader(pair_.plan_, block, position, {});
      header.kind = FrameKind::kPushRun;
      header.flags = kAckWanted;
      header.position = position;
      header.run = 1;
      pair_.Handle(block, header,
                   std::vector<float>(block.elements(), gradient));
    }
  }
  // How many of the acks say that it was a repeat.
  int AwaitAcks() {
    int repeats = 0;
    for (int i = 0; i < pair_.plan_.blocks_size(); ++i) {
      const auto reply = pair_.inbox_->Next();
      EXPECT_EQ(reply.header.kind, FrameKind::kAck) << reply.payload;
      repeats += reply.header.flags == kRepeated;
    }
    return repeats;
  }
  std::vector<float> Read() {
    for (const Block& block : pair_.plan_.blocks()) {
      FrameHeader header = PullHeader(pair_.plan_, block.id(), 0);
      header.kind = FrameKind::kRead;
      header.position = kAnyPosition;
      pair_.Handle(block, header, {});
    }
    return pair_.Theta(0);
  }

  Pair pair_;
};

TEST_F(ArrivalReplicasTest, AnAcknowledgedPushIsInTheResultOnce) {
  PushRun(0, 1);
  EXPECT_EQ(AwaitAcks(), 0);
  PushRun(1, 2);
  EXPECT_EQ(AwaitAcks(), 0);
  const std::vector<float> theta = Read();
  pair_.LoseFirst();
  EXPECT_EQ(Read(), theta);
  PushRun(1, 3);
  EXPECT_EQ(AwaitAcks(), pair_.plan_.blocks_size());
  EXPECT_EQ(Read(), theta);
  PushRun(2, 3);
  EXPECT_EQ(AwaitAcks(), 0);
  EXPECT_NE(Read(), theta);
}

TEST_F(ArrivalReplicasTest, APushIsNotAcknowledgedBeforeTheReplicaHasIt) {
  pair_.door_.Set(false);
  PushRun(0, 1);
  pair_.door_.AwaitKnock();
  EXPECT_TRUE(pair_.inbox_->empty());
  pair_.door_.Set(true);
  EXPECT_EQ(AwaitAcks(), 0);
}

TEST_F(ArrivalReplicasTest, AReadThatComesAfterAPushSeesIt) {
  pair_.door_.Set(false);
  PushRun(0, 1);
  for (const Block& block : pair_.plan_.blocks()) {
    FrameHeader header = PullHeader(pair_.plan_, block.id(), 0);
    header.kind = FrameKind::kRead;
    header.position = kAnyPosition;
    pair_.Handle(block, header, {});
  }
  pair_.door_.AwaitKnock();
  EXPECT_TRUE(pair_.inbox_->empty());
  pair_.door_.Set(true);
  std::map<uint32_t, int> acked;
  for (int i = 0; i < 2 * pair_.plan_.blocks_size(); ++i) {
    const auto reply = pair_.inbox_->Next();
    if (reply.header.kind == FrameKind::kAck) {
      ++acked[reply.header.block];
      continue;
    }
    EXPECT_EQ(acked[reply.header.block], 1);
    EXPECT_EQ(reply.header.updates, 1u);
  }
}

}  // namespace
}  // namespace hawser
