// Jobs whose blocks are on two servers each, and lose some.
#include <map>
#include <set>

#include "gmock/gmock.h"
#include "scheduler/state/cluster_state_test_support.h"

namespace hawser {
namespace {

using testing::HasSubstr;

class ReplicaTest : public ClusterStateTest {
 protected:
  static JobSpec Replicated(uint32_t servers) {
    JobSpec spec = Spec("a", 1, servers);
    spec.mutable_resources()->set_replicas(2);
    return spec;
  }
  // A running job "a" of one worker.
  void Start(int servers) {
    servers_ = JoinAll(SERVER, servers);
    worker_ = Join(WORKER);
    ASSERT_TRUE(Submit(Replicated(static_cast<uint32_t>(servers))).ok());
    StartJob("a");
  }
  // Where each block is, and its replica; 0: nowhere.
  std::vector<std::pair<uint64_t, uint64_t>> Copies() {
    const Plan& plan = PlanOf("a");
    std::vector<std::pair<uint64_t, uint64_t>> copies;
    for (const Block& block : plan.blocks()) {
      copies.emplace_back(
          plan.servers(static_cast<int>(block.server())).node(),
          block.replica() == 0
              ? 0
              : plan.servers(static_cast<int>(block.replica()) - 1).node());
    }
    return copies;
  }
  void ExpectTwoCopiesEach() {
    for (const auto& [first, second] : Copies()) {
      EXPECT_NE(second, 0u);
      EXPECT_NE(first, second);
    }
  }
  // Those that fill replicas tell that they have.
  void Filled() {
    const Plan plan = PlanOf("a");
    std::set<uint64_t> fill;
    for (const BlockMove& move : plan.moves()) {
      EXPECT_TRUE(move.replica());
      const auto to = plan.blocks(static_cast<int>(move.block())).replica() - 1;
      fill.insert(plan.servers(static_cast<int>(to)).node());
    }
    for (const uint64_t node : fill) {
      ReportRequest report = From(node, "a");
      report.mutable_replicas_filled();
      EXPECT_TRUE(Report(report).ok());
    }
  }
  // Without a pause.
  void Fill() {
    ASSERT_NE(PlanOf("a").moves_size(), 0);
    ASSERT_FALSE(PlanOf("a").pause());
    AllReady("a");
    EXPECT_EQ(OrdersOf(worker_).size(), 1u) << "the job does not work on";
    ASSERT_NE(PlanOf("a").moves_size(), 0) << "before they have told";
    Filled();
    ASSERT_EQ(PlanOf("a").moves_size(), 0);
    AllReady("a");
    EXPECT_EQ(OrdersOf(worker_).size(), 1u);
  }

  std::vector<uint64_t> servers_;
  uint64_t worker_ = 0;
};

TEST_F(ReplicaTest, EachBlockIsOnTwoServers) {
  Start(3);
  ExpectTwoCopiesEach();
  EXPECT_EQ(PlanOf("a").servers_size(), 3);
}

TEST_F(ReplicaTest, AServerWithoutABlockOfItsOwnKeepsReplicas) {
  JoinAll(SERVER, 2);
  Join(WORKER);
  JobSpec spec = Replicated(2);
  spec.mutable_placement()->set_policy(BY_LAYER);
  spec.mutable_model()->mutable_mlp()->clear_layer_sizes();
  for (const uint32_t units : {4u, 3u}) {
    spec.mutable_model()->mutable_mlp()->add_layer_sizes(units);
  }
  ASSERT_TRUE(Submit(spec).ok());
  StartJob("a");
  EXPECT_EQ(PlanOf("a").servers_size(), 2);
  ExpectTwoCopiesEach();
}

TEST_F(ReplicaTest, TheOtherCopyTakesOverAndNothingIsRolledBack) {
  Start(2);
  ASSERT_TRUE(DoSteps("a", 0, 3).ok());
  const Plan before = PlanOf("a");
  const uint64_t lost = servers_[0];
  Leave(lost);
  const Plan after = PlanOf("a");
  EXPECT_EQ(after.blocks_since(), before.blocks_since());
  EXPECT_EQ(after.placed_since(), after.incarnation());
  EXPECT_FALSE(after.has_restore());
  EXPECT_FALSE(after.pause());
  ASSERT_EQ(after.servers_size(), 1);
  EXPECT_EQ(after.servers(0).node(), servers_[1]);
  for (const auto& [first, second] : Copies()) {
    EXPECT_EQ(first, servers_[1]);
    EXPECT_EQ(second, 0u);
  }
  EXPECT_TRUE(OrdersOf(worker_).empty());
  AllReady("a");
  EXPECT_EQ(OrdersOf(worker_).size(), 1u);
  EXPECT_EQ(Get("a").state(), RUNNING);
  EXPECT_EQ(Describe("a").step(), 3u);
  GetJobLogResponse log;
  Get("a").log().Read(0, &log);
  std::string text;
  for (const auto& line : log.lines()) text += line.text() + "\n";
  EXPECT_THAT(text, HasSubstr("the other copies of what it held take over"));
  EXPECT_THAT(text, testing::Not(HasSubstr("rolled back")));
}

TEST_F(ReplicaTest, ANewPartnerIsFilled) {
  Start(2);
  Leave(servers_[0]);
  AllReady("a");
  EXPECT_FALSE(PlanOf("a").pause()) << "there is no other server";
  const uint64_t late = Join(SERVER);
  Fill();
  ExpectTwoCopiesEach();
  for (const auto& [first, second] : Copies()) EXPECT_EQ(second, late);
  // And takes over in its turn.
  const uint64_t since = PlanOf("a").blocks_since();
  Leave(servers_[1]);
  AllReady("a");
  EXPECT_EQ(PlanOf("a").blocks_since(), since);
  for (const auto& [first, second] : Copies()) EXPECT_EQ(first, late);
}

TEST_F(ReplicaTest, ThoseThatAreLeftFillEachOther) {
  Start(3);
  const uint64_t since = PlanOf("a").blocks_since();
  Leave(servers_[1]);
  AllReady("a");
  Fill();
  ExpectTwoCopiesEach();
  EXPECT_EQ(PlanOf("a").servers_size(), 2);
  EXPECT_EQ(PlanOf("a").blocks_since(), since);
}

TEST_F(ReplicaTest, ALostPartnerWhileItIsFilledIsReplaced) {
  Start(2);
  Leave(servers_[0]);
  AllReady("a");
  const uint64_t first = Join(SERVER);
  AllReady("a");
  ASSERT_NE(PlanOf("a").moves_size(), 0);
  const uint64_t second = Join(SERVER);
  Leave(first);
  EXPECT_FALSE(Get("a").IsBroken());
  Fill();
  for (const auto& [block, replica] : Copies()) EXPECT_EQ(replica, second);
}

TEST_F(ReplicaTest, WithoutAnotherServerTheFillIsGivenUp) {
  Start(2);
  Leave(servers_[0]);
  AllReady("a");
  const uint64_t first = Join(SERVER);
  AllReady("a");
  Leave(first);
  EXPECT_EQ(PlanOf("a").moves_size(), 0);
  EXPECT_EQ(PlanOf("a").servers_size(), 1);
  AllReady("a");
  EXPECT_EQ(Get("a").state(), RUNNING);
  Join(SERVER);
  Fill();
  ExpectTwoCopiesEach();
}

TEST_F(ReplicaTest, AWorkerLostMeanwhileDoesNotEndTheFill) {
  Start(2);
  Leave(servers_[0]);
  AllReady("a");
  Join(SERVER);
  AllReady("a");
  const uint64_t spare = Join(WORKER);
  Leave(worker_);
  worker_ = spare;
  Fill();
  ExpectTwoCopiesEach();
}

TEST_F(ReplicaTest, AChangeComesBeforeTheFillIsDone) {
  Start(2);
  Leave(servers_[0]);
  AllReady("a");
  Join(SERVER);
  AllReady("a");
  ASSERT_NE(PlanOf("a").moves_size(), 0);
  ChangeJobRequest change;
  change.set_name("a");
  change.set_mode(ASYNCHRONOUS);
  const auto event = state_.Change(change, now_);
  ASSERT_TRUE(event.ok()) << event.status();
  Commit(*event);
  Settle();
  EXPECT_TRUE(PlanOf("a").pause());
  EXPECT_EQ(PlanOf("a").moves_size(), 0);
  EXPECT_EQ(PlanOf("a").servers_size(), 1);
  AllReady("a");
  EXPECT_EQ(PlanOf("a").phases_size(), 2);
  AllReady("a");
  Fill();
  ExpectTwoCopiesEach();
}

TEST_F(ReplicaTest, WhatIsToldOfAFillBeforeAnotherPlanIsStale) {
  Start(2);
  Leave(servers_[0]);
  AllReady("a");
  const uint64_t late = Join(SERVER);
  AllReady("a");
  ReportRequest early = From(late, "a");
  early.mutable_replicas_filled();
  Join(WORKER);
  Leave(worker_);
  EXPECT_FALSE(Report(early).ok());
  AllReady("a");
  EXPECT_NE(PlanOf("a").moves_size(), 0);
}

TEST_F(ReplicaTest, WithBothLostTheJobIsRolledBack) {
  Start(2);
  Join(SERVER);
  Join(SERVER);
  const uint64_t since = PlanOf("a").blocks_since();
  PassWithout({servers_[0], servers_[1]}, kLease + absl::Seconds(1));
  EXPECT_GT(PlanOf("a").blocks_since(), since);
  AllReady("a");
  EXPECT_EQ(Get("a").state(), RUNNING);
  ExpectTwoCopiesEach();
}

TEST_F(ReplicaTest, WhoIsLostWhileThePartnerIsFilledTakesTheParametersAlong) {
  Start(2);
  const uint64_t since = PlanOf("a").blocks_since();
  Leave(servers_[0]);
  AllReady("a");
  Join(SERVER);
  ASSERT_NE(PlanOf("a").moves_size(), 0);
  AllReady("a");
  const uint32_t histories = PlanOf("a").histories();
  Leave(servers_[1]);
  // Who was being filled has nothing, and no history either.
  EXPECT_GT(PlanOf("a").blocks_since(), since);
  EXPECT_EQ(PlanOf("a").servers_size(), 1);
  EXPECT_EQ(PlanOf("a").histories(), histories);
  AllReady("a");
  Join(SERVER);
  Fill();
}

TEST_F(ReplicaTest, ADrainedServersCopiesGoToAnother) {
  Start(2);
  const uint64_t spare = Join(SERVER);
  DrainNodeRequest drain;
  drain.set_node(servers_[0]);
  Commit(*state_.Drain(drain, now_));
  Settle();
  for (int i = 0; i < 3; ++i) AllReady("a");
  ExpectTwoCopiesEach();
  std::set<uint64_t> nodes;
  for (const auto& server : PlanOf("a").servers()) nodes.insert(server.node());
  EXPECT_EQ(nodes, (std::set<uint64_t>{servers_[1], spare}));
}

TEST_F(ReplicaTest, TheLastServerKeepsOneCopyWhenTheOtherIsDrained) {
  Start(2);
  DrainNodeRequest drain;
  drain.set_node(servers_[0]);
  Commit(*state_.Drain(drain, now_));
  Settle();
  for (int i = 0; i < 3; ++i) AllReady("a");
  EXPECT_FALSE(PlanOf("a").pause());
  for (const auto& [first, second] : Copies()) {
    EXPECT_EQ(first, servers_[1]);
    EXPECT_EQ(second, 0u);
  }
  EXPECT_TRUE(OrdersOf(servers_[0]).empty());
}

TEST_F(ReplicaTest, AServerThatDoesNotComeBackAfterARestartIsTakenOver) {
  Start(2);
  const uint64_t since = PlanOf("a").blocks_since();
  Restart();
  ComeBack({servers_[1], worker_});
  PassWithout({}, kLease + Membership::kComeBack + absl::Seconds(1));
  EXPECT_EQ(PlanOf("a").servers_size(), 1);
  EXPECT_EQ(PlanOf("a").blocks_since(), since);
}

TEST_F(ReplicaTest,
       AServerWhoseConnectionEndsIsGivenUpSoonerIfThatCostsNothing) {
  Start(2);
  state_.Doubt(servers_[0], now_);
  PassWithout({servers_[0]}, Membership::kDoubt);
  EXPECT_EQ(PlanOf("a").servers_size(), 1);
  AllReady("a");
  // Nobody else has what this one has.
  state_.Doubt(servers_[1], now_);
  PassWithout({servers_[1]}, Membership::kDoubt);
  EXPECT_EQ(Get("a").state(), RUNNING);
  EXPECT_FALSE(Get("a").IsBroken());
}

TEST_F(ReplicaTest, AServerThatConnectsAgainIsNotGivenUp) {
  Start(2);
  state_.Doubt(servers_[0], now_);
  PassWithout({}, absl::Seconds(1));
  PassWithout({servers_[0]}, absl::Seconds(3));
  EXPECT_EQ(PlanOf("a").servers_size(), 2);
}

TEST_F(ReplicaTest, WhatCannotBeIsRefused) {
  EXPECT_THAT(std::string(Submit(Replicated(1)).message()),
              HasSubstr("needs resources.servers of at least 2"));
  JobSpec three = Replicated(2);
  three.mutable_resources()->set_replicas(3);
  EXPECT_THAT(std::string(Submit(three).message()), HasSubstr("1 or 2"));
}

}  // namespace
}  // namespace hawser
