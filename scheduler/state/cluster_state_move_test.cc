// Servers and workers that are drained, and jobs that go to more or fewer
// servers.
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "scheduler/state/cluster_state_test_support.h"

namespace hawser {
namespace {

using testing::HasSubstr;

class MoveTest : public ClusterStateTest {
 protected:
  absl::Status Drain(uint64_t node, bool undo = false) {
    DrainNodeRequest request;
    request.set_node(node);
    request.set_undo(undo);
    const auto event = state_.Drain(request, now_);
    if (!event.ok()) return event.status();
    Commit(*event);
    Settle();
    return absl::OkStatus();
  }
  absl::Status SetServers(const std::string& job, uint32_t servers) {
    ChangeJobRequest request;
    request.set_name(job);
    request.set_servers(servers);
    const auto event = state_.Change(request, now_);
    if (!event.ok()) return event.status();
    Commit(*event);
    Settle();
    return absl::OkStatus();
  }
  NodeStatus Node(uint64_t node) {
    ListNodesResponse nodes;
    state_.DescribeNodes(now_, &nodes);
    for (const NodeStatus& each : nodes.nodes()) {
      if (each.node() == node) return each;
    }
    return NodeStatus();
  }
  // Blocks of each server by the plan, or where they are so far.
  std::map<uint64_t, int> Blocks(const std::string& job) {
    std::map<uint64_t, int> blocks;
    const Plan& plan = PlanOf(job);
    for (const Block& block : plan.blocks()) {
      ++blocks[plan.servers(static_cast<int>(block.server())).node()];
    }
    return blocks;
  }
  // A running job "a" of two servers and two workers: 10 blocks.
  void Start() {
    servers_ = JoinAll(SERVER, 2);
    workers_ = JoinAll(WORKER, 2);
    ASSERT_TRUE(Submit(Spec("a", 2, 2)).ok());
    StartJob("a");
  }
  // Through both pauses.
  void Move(const std::string& job) {
    ASSERT_TRUE(PlanOf(job).pause());
    ASSERT_EQ(PlanOf(job).moves_size(), 0);
    AllReady(job);
    ASSERT_TRUE(PlanOf(job).pause());
    ASSERT_NE(PlanOf(job).moves_size(), 0);
    AllReady(job);
    ASSERT_FALSE(PlanOf(job).pause());
    AllReady(job);
  }

  std::vector<uint64_t> servers_;
  std::vector<uint64_t> workers_;
};

TEST_F(MoveTest, ADrainedServersBlocksGoToAnother) {
  Start();
  const uint64_t spare = Join(SERVER);
  const auto before = Blocks("a");
  ASSERT_TRUE(Drain(servers_[0]).ok());
  EXPECT_EQ(Node(servers_[0]).state(), DRAINING);
  EXPECT_TRUE(PlanOf("a").pause());
  EXPECT_TRUE(OrdersOf(workers_[0]).empty());
  EXPECT_EQ(Blocks("a"), before) << "until all have stopped";
  AllReady("a");
  const Plan moving = PlanOf("a");
  EXPECT_EQ(moving.moves_size(), before.at(servers_[0]));
  EXPECT_EQ(moving.placed_since(), moving.incarnation());
  EXPECT_EQ(Blocks("a").count(servers_[0]), 0u);
  EXPECT_EQ(Blocks("a").at(servers_[1]), before.at(servers_[1]));
  EXPECT_EQ(Blocks("a").at(spare), before.at(servers_[0]));
  for (const BlockMove& move : moving.moves()) {
    EXPECT_EQ(moving.servers(static_cast<int>(move.from())).node(),
              servers_[0]);
  }
  EXPECT_EQ(OrdersOf(servers_[0]).size(), 1u) << "it still has them";
  EXPECT_TRUE(OrdersOf(workers_[0]).empty());
  AllReady("a");
  EXPECT_FALSE(PlanOf("a").pause());
  EXPECT_EQ(PlanOf("a").moves_size(), 0);
  EXPECT_EQ(PlanOf("a").placed_since(), moving.placed_since());
  EXPECT_TRUE(OrdersOf(servers_[0]).empty());
  EXPECT_EQ(Node(servers_[0]).state(), DRAINED);
  EXPECT_EQ(Node(spare).state(), SERVING);
  AllReady("a");
  EXPECT_EQ(OrdersOf(workers_[0]).size(), 1u);
  Leave(servers_[0]);
  EXPECT_EQ(Get("a").state(), RUNNING) << "nobody notices";
}

TEST_F(MoveTest, WithNoServerMoreTheOthersTakeThem) {
  Start();
  ASSERT_TRUE(Drain(servers_[1]).ok());
  Move("a");
  EXPECT_EQ(Blocks("a").size(), 1u);
  ASSERT_TRUE(Drain(servers_[0]).ok());
  EXPECT_FALSE(PlanOf("a").pause());
  EXPECT_EQ(Node(servers_[0]).state(), DRAINING);
  EXPECT_THAT(Node(servers_[0]).reason(), HasSubstr("no other server"));
  const uint64_t late = Join(SERVER);
  Move("a");
  EXPECT_EQ(Blocks("a").count(late), 1u);
  EXPECT_EQ(Node(servers_[0]).state(), DRAINED);
}

TEST_F(MoveTest, ADrainIsTakenBack) {
  Start();
  const uint64_t spare = Join(SERVER);
  ASSERT_TRUE(Drain(servers_[0]).ok());
  EXPECT_TRUE(PlanOf("a").pause());
  ASSERT_TRUE(Drain(servers_[0], /*undo=*/true).ok());
  AllReady("a");
  EXPECT_FALSE(PlanOf("a").pause()) << "nothing is to move";
  EXPECT_EQ(Blocks("a").count(spare), 0u);
  EXPECT_EQ(Node(servers_[0]).state(), SERVING);
  EXPECT_TRUE(absl::IsNotFound(Drain(12345)));
}

TEST_F(MoveTest, ADrainedServerGetsNoBlocks) {
  const auto servers = JoinAll(SERVER, 2);
  JoinAll(WORKER, 1);
  ASSERT_TRUE(Drain(servers[0]).ok());
  EXPECT_EQ(Node(servers[0]).state(), DRAINED);
  ASSERT_TRUE(Submit(Spec("a", 1, 2)).ok());
  EXPECT_EQ(Get("a").state(), QUEUED);
  EXPECT_THAT(ReasonOf("a"), HasSubstr("1 servers are there"));
  ASSERT_TRUE(SetServers("a", 1).ok());
  EXPECT_EQ(Get("a").state(), STARTING);
  StartJob("a");
  EXPECT_EQ(Blocks("a").count(servers[1]), 1u);
  EXPECT_EQ(Blocks("a").size(), 1u);
}

TEST_F(MoveTest, WhereBlocksWereOnTheirWayToIsLost) {
  Start();
  const uint64_t spare = Join(SERVER);
  ASSERT_TRUE(Drain(servers_[0]).ok());
  AllReady("a");
  ASSERT_EQ(Blocks("a").count(spare), 1u);
  const uint64_t other = Join(SERVER);
  Leave(spare);
  EXPECT_EQ(Get("a").state(), RUNNING);
  EXPECT_TRUE(PlanOf("a").pause());
  EXPECT_EQ(Blocks("a").count(other), 1u);
  for (const BlockMove& move : PlanOf("a").moves()) {
    EXPECT_EQ(PlanOf("a").servers(static_cast<int>(move.from())).node(),
              servers_[0]);
  }
  // It may have written no history: its number is given again.
  std::set<uint32_t> histories;
  for (const ServerEndpoint& server : PlanOf("a").servers()) {
    histories.insert(server.history());
  }
  EXPECT_EQ(histories, (std::set<uint32_t>{0, 1, 2}));
  AllReady("a");
  AllReady("a");
  EXPECT_EQ(PlanOf("a").histories(), 3u);
  EXPECT_FALSE(PlanOf("a").pause());
  EXPECT_EQ(Node(servers_[0]).state(), DRAINED);
}

TEST_F(MoveTest, WithNowhereToGoBlocksStayWhereTheyAre) {
  servers_ = JoinAll(SERVER, 1);
  workers_ = JoinAll(WORKER, 1);
  ASSERT_TRUE(Submit(Spec("a", 1, 1)).ok());
  StartJob("a");
  const uint64_t spare = Join(SERVER);
  ASSERT_TRUE(Drain(servers_[0]).ok());
  AllReady("a");
  ASSERT_EQ(Blocks("a").count(spare), 1u);
  Leave(spare);
  EXPECT_EQ(PlanOf("a").moves_size(), 0);
  EXPECT_EQ(Blocks("a").count(servers_[0]), 1u);
  AllReady("a");
  AllReady("a");
  EXPECT_EQ(OrdersOf(workers_[0]).size(), 1u);
  EXPECT_EQ(Get("a").state(), RUNNING);
}

TEST_F(MoveTest, WhereBlocksComeFromIsMissedAsAnyServer) {
  Start();
  const uint64_t spare = Join(SERVER);
  ASSERT_TRUE(Drain(servers_[0]).ok());
  AllReady("a");
  Leave(servers_[0]);
  EXPECT_EQ(Get("a").state(), RUNNING);
  EXPECT_EQ(PlanOf("a").moves_size(), 0);
  EXPECT_EQ(PlanOf("a").blocks_since(), PlanOf("a").incarnation());
  EXPECT_TRUE(PlanOf("a").has_restore());
  EXPECT_EQ(Blocks("a").count(spare), 1u) << "all begin where they are";
  AllReady("a");
  EXPECT_FALSE(PlanOf("a").pause());
  AllReady("a");
  EXPECT_EQ(OrdersOf(workers_[0]).size(), 1u);
}

TEST_F(MoveTest, AJobGoesToMoreAndFewerServers) {
  Start();
  JoinAll(SERVER, 2);
  EXPECT_FALSE(PlanOf("a").pause()) << "nobody has asked";
  ASSERT_TRUE(SetServers("a", 4).ok());
  Move("a");
  EXPECT_EQ(Blocks("a").size(), 4u);
  EXPECT_EQ(Describe("a").spec().resources().servers(), 4u);
  ASSERT_TRUE(SetServers("a", 1).ok());
  Move("a");
  EXPECT_EQ(Blocks("a").size(), 1u);
  ASSERT_TRUE(SetServers("a", 1000).ok());
  Move("a");
  EXPECT_EQ(Blocks("a").size(), 4u) << "all there are";
  Join(SERVER);
  Move("a");
  EXPECT_EQ(Blocks("a").size(), 5u) << "as soon as more are there";
  EXPECT_TRUE(absl::IsInvalidArgument(SetServers("a", 0)));
  EXPECT_TRUE(absl::IsInvalidArgument(SetServers("a", 1001)));
}

TEST_F(MoveTest, AMoveAndAChangeOfModeGoTogether) {
  Start();
  Join(SERVER);
  ASSERT_TRUE(SetServers("a", 3).ok());
  ChangeJobRequest request;
  request.set_name("a");
  request.set_mode(ASYNCHRONOUS);
  Commit(*state_.Change(request, now_));
  Settle();
  AllReady("a");
  ASSERT_NE(PlanOf("a").moves_size(), 0);
  EXPECT_EQ(PlanOf("a").phases_size(), 1);
  const Plan moving = PlanOf("a");
  for (const auto& server : moving.servers()) {
    ReportRequest report = From(server.node(), "a");
    report.mutable_server_ready()->set_untouched_step(3);
    ASSERT_TRUE(Report(report).ok());
  }
  EXPECT_FALSE(PlanOf("a").pause());
  ASSERT_EQ(PlanOf("a").phases_size(), 2);
  EXPECT_EQ(PlanOf("a").phases(1).from_step(), 3u);
}

TEST_F(MoveTest, FilesOfThePlacementBeforeMakeNoCheckpoint) {
  Start();
  Join(SERVER);
  ASSERT_TRUE(DoSteps("a", 0, 2).ok());
  const auto written = [&](uint64_t server, uint64_t placed_since) {
    ReportRequest report = From(server, "a");
    report.mutable_checkpoint_written()->set_step(2);
    report.mutable_checkpoint_written()->set_directory("/out/step");
    report.mutable_checkpoint_written()->set_placed_since(placed_since);
    return Report(report);
  };
  ASSERT_TRUE(written(servers_[0], 0).ok());
  ASSERT_TRUE(Drain(servers_[0]).ok());
  Move("a");
  const uint64_t since = PlanOf("a").placed_since();
  ASSERT_TRUE(written(servers_[1], since).ok());
  EXPECT_EQ(Describe("a").checkpoint_step(), 0u);
  ASSERT_TRUE(written(PlanOf("a").servers(1).node(), 0).ok());
  ASSERT_TRUE(written(PlanOf("a").servers(0).node(), 0).ok());
  EXPECT_EQ(Describe("a").checkpoint_step(), 0u);
  ASSERT_TRUE(written(PlanOf("a").servers(1).node(), since).ok());
  ASSERT_TRUE(written(PlanOf("a").servers(0).node(), since).ok());
  EXPECT_EQ(Describe("a").checkpoint_step(), 2u);
}

TEST_F(MoveTest, ADrainedWorkersWorkGoesToOthers) {
  Start();
  ASSERT_TRUE(Drain(workers_[0]).ok());
  AllReady("a");
  EXPECT_EQ(Node(workers_[0]).state(), DRAINED);
  EXPECT_TRUE(OrdersOf(workers_[0]).empty());
  ASSERT_EQ(PlanOf("a").workers_size(), 1);
  EXPECT_EQ(PlanOf("a").workers(0).node(), workers_[1]);
  ASSERT_TRUE(Drain(workers_[1]).ok());
  EXPECT_EQ(Node(workers_[1]).state(), DRAINING);
  EXPECT_THAT(Node(workers_[1]).reason(), HasSubstr("no other worker"));
  EXPECT_EQ(PlanOf("a").workers_size(), 1);
  const uint64_t late = Join(WORKER);
  AllReady("a");
  EXPECT_EQ(Node(workers_[1]).state(), DRAINED);
  EXPECT_EQ(PlanOf("a").workers(0).node(), late);
  ASSERT_TRUE(Drain(workers_[0], /*undo=*/true).ok());
  EXPECT_EQ(PlanOf("a").workers_size(), 2) << "it is idle, and wanted";
  EXPECT_EQ(Node(workers_[0]).state(), SERVING);
}

TEST_F(MoveTest, AReplayKnowsWhoIsDrained) {
  Start();
  Join(SERVER);
  ASSERT_TRUE(Drain(servers_[0]).ok());
  AllReady("a");
  ClusterState again(absl::Seconds(5));
  for (const JournalEvent& event : journal_) again.Apply(event);
  EXPECT_EQ((*again.FindJob("a"))->plan()->SerializeAsString(),
            PlanOf("a").SerializeAsString());
}

}  // namespace
}  // namespace hawser
