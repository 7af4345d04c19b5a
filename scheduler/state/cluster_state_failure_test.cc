// Members that are lost, fail, or say what cannot be.
#include <tuple>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "scheduler/state/cluster_state_test_support.h"

namespace hawser {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST_F(ClusterStateTest, ALostWorkerMeansANewIncarnationWithoutIt) {
  const auto servers = JoinAll(SERVER, 1);
  const auto workers = JoinAll(WORKER, 2);
  ASSERT_TRUE(Submit(Spec("a", 2, 1)).ok());
  StartJob("a");
  ASSERT_TRUE(DoSteps("a", 0, 3).ok());
  const ReportRequest stale_steps = [&] {
    ReportRequest report = From(servers[0], "a");
    *report.mutable_steps_done() = StepsOf(3, 4);
    return report;
  }();
  ReportRequest stale_ready = From(servers[0], "a");
  stale_ready.mutable_server_ready();
  const uint64_t before = PlanOf("a").incarnation();

  PassWithout({workers[0]}, absl::Seconds(5));
  const Plan plan = PlanOf("a");
  EXPECT_GT(plan.incarnation(), before);
  ASSERT_EQ(plan.workers_size(), 1);
  EXPECT_EQ(plan.workers(0).node(), workers[1]);
  EXPECT_EQ(plan.workers(0).first(), 0u);
  EXPECT_EQ(plan.workers(0).last(), 8u);
  EXPECT_EQ(Get("a").progress().step(), 3u);  // nothing is rolled back
  // Servers first: the worker is held back until they have the new plan.
  EXPECT_TRUE(OrdersOf(workers[1]).empty());
  EXPECT_TRUE(absl::IsFailedPrecondition(Report(stale_ready)));
  EXPECT_TRUE(OrdersOf(workers[1]).empty());
  // A completed step is a fact, whatever the incarnation.
  EXPECT_TRUE(Report(stale_steps).ok());
  EXPECT_EQ(Get("a").progress().step(), 4u);
  ASSERT_TRUE(Ready(servers[0], "a").ok());
  EXPECT_EQ(OrdersOf(workers[1]), std::vector<uint64_t>{plan.incarnation()});
  // A new worker is welcome, since the job wants two.
  const uint64_t late = Join(WORKER);
  ASSERT_EQ(PlanOf("a").workers_size(), 2);
  EXPECT_EQ(PlanOf("a").workers(1).node(), late);
  EXPECT_EQ(PlanOf("a").workers(1).first(), 4u);
}

TEST_F(ClusterStateTest, AWorkerWhoseConnectionEndsIsGivenUpSooner) {
  const auto servers = JoinAll(SERVER, 1);
  const auto workers = JoinAll(WORKER, 3);
  ASSERT_TRUE(Submit(Spec("a", 2, 1)).ok());
  StartJob("a");
  const auto [first, second, idle] =
      std::make_tuple(workers[0], workers[1], workers[2]);
  // One that connects again stays; one without work costs nobody anything.
  state_.Doubt(first, now_);
  state_.Doubt(idle, now_);
  PassWithout({idle}, absl::Seconds(1));
  PassWithout({first, idle}, absl::Seconds(3));
  ASSERT_EQ(PlanOf("a").workers_size(), 2);
  EXPECT_EQ(PlanOf("a").workers(0).node(), first);
  // One that does not is lost, and so is, after its lease, a server.
  state_.Doubt(second, now_);
  state_.Doubt(servers[0], now_);
  PassWithout({second, servers[0]}, Membership::kDoubt);
  ASSERT_EQ(PlanOf("a").workers_size(), 2);
  EXPECT_EQ(PlanOf("a").workers(1).node(), idle);
  EXPECT_FALSE(Get("a").IsBroken());
  PassWithout({servers[0]}, absl::Seconds(3));
  EXPECT_TRUE(Get("a").IsBroken());
}

TEST_F(ClusterStateTest, AServerTakesThePlaceOfTheOneAtItsAddress) {
  const uint64_t before = JoinAt("here", SERVER);
  const uint64_t other = JoinAt("there", SERVER);
  const uint64_t after = JoinAt("here", SERVER);
  EXPECT_TRUE(absl::IsNotFound(state_.Renew(before, now_)));
  JoinAll(WORKER, 2);
  ASSERT_TRUE(Submit(Spec("a", 1, 2)).ok());
  StartJob("a");
  ASSERT_EQ(PlanOf("a").servers_size(), 2);
  EXPECT_EQ(PlanOf("a").servers(0).node(), other);
  EXPECT_EQ(PlanOf("a").servers(1).node(), after);
  // What the one before held is lost, and that is known at once.
  const uint64_t again = JoinAt("here", SERVER);
  EXPECT_EQ(PlanOf("a").servers(1).node(), again);
  EXPECT_EQ(PlanOf("a").blocks_since(), PlanOf("a").incarnation());
}

TEST_F(ClusterStateTest, AJobWithoutWorkersWaitsForOne) {
  const auto servers = JoinAll(SERVER, 1);
  const auto workers = JoinAll(WORKER, 1);
  ASSERT_TRUE(Submit(Spec("a", 1, 1)).ok());
  StartJob("a");
  Leave(workers[0]);
  EXPECT_EQ(PlanOf("a").workers_size(), 0);
  EXPECT_EQ(Get("a").state(), RUNNING);
  EXPECT_EQ(ReasonOf("a"), "waits for a worker");
  const uint64_t late = Join(WORKER);
  ASSERT_EQ(PlanOf("a").workers_size(), 1);
  EXPECT_EQ(PlanOf("a").workers(0).node(), late);
  EXPECT_EQ(PlanOf("a").workers(0).last(), 8u);
  EXPECT_TRUE(OrdersOf(late).empty());
  ASSERT_TRUE(Ready(servers[0], "a").ok());
  EXPECT_EQ(OrdersOf(late).size(), 1u);
  EXPECT_EQ(ReasonOf("a"), "");
}

TEST_F(ClusterStateTest, AWorkerThatCannotIsReplacedOneThatMustNotEndsTheJob) {
  JoinAll(SERVER, 1);
  const auto workers = JoinAll(WORKER, 2);
  ASSERT_TRUE(Submit(Spec("a", 1, 1)).ok());
  const uint64_t first = PlanOf("a").workers(0).node();
  ASSERT_TRUE(Fail(first, "a", "out of memory", /*permanent=*/false).ok());
  const uint64_t second = PlanOf("a").workers(0).node();
  EXPECT_NE(second, first);
  ASSERT_TRUE(Fail(second, "a", "bad data", /*permanent=*/true).ok());
  EXPECT_EQ(Get("a").state(), FAILED);
  EXPECT_EQ(ReasonOf("a"), absl::StrCat("worker ", second, ": bad data"));
}

TEST_F(ClusterStateTest, ValidationOfAnOldIncarnationIsMeasuredAnew) {
  JoinAll(SERVER, 1);
  const auto workers = JoinAll(WORKER, 2);
  ASSERT_TRUE(Submit(Spec("a", 2, 1)).ok());
  StartJob("a");
  ASSERT_TRUE(DoSteps("a", 0, 4).ok());
  ASSERT_TRUE(Validate(workers[0], "a", 4, 0, 1).ok());
  ReportRequest stale = From(workers[1], "a");
  stale.mutable_validation_done()->set_step(4);
  PassWithout({workers[0]}, absl::Seconds(5));
  AllReady("a");
  EXPECT_TRUE(absl::IsFailedPrecondition(Report(stale)));
  ASSERT_TRUE(Validate(workers[1], "a", 4, 0, 2).ok());
  EXPECT_EQ(Get("a").progress().finished().size(), 1u);
  EXPECT_EQ(Get("a").progress().finished()[0].validation().samples(), 10u);
}

TEST_F(ClusterStateTest, WorkersLostBeforeTheFirstStepAreReplaced) {
  const auto servers = JoinAll(SERVER, 2);
  auto workers = JoinAll(WORKER, 2);
  ASSERT_TRUE(Submit(Spec("a", 2, 2)).ok());
  // While they open the data: the one who replaces opens it too.
  ASSERT_TRUE(LoadData(workers[0], "a").ok());
  Leave(workers[0]);
  workers[0] = Join(WORKER);
  ASSERT_EQ(PlanOf("a").workers_size(), 2);
  ASSERT_TRUE(LoadData(workers[1], "a").ok());
  EXPECT_EQ(PlanOf("a").total_steps(), 0u);
  ASSERT_TRUE(LoadData(workers[0], "a").ok());
  EXPECT_EQ(PlanOf("a").total_steps(), 8u);
  // While the servers prepare: those that were ready must be so again.
  ASSERT_TRUE(Ready(servers[0], "a").ok());
  Leave(workers[0]);
  EXPECT_EQ(PlanOf("a").total_steps(), 8u);
  EXPECT_EQ(PlanOf("a").workers_size(), 1);
  ASSERT_TRUE(Ready(servers[1], "a").ok());
  EXPECT_EQ(Get("a").state(), STARTING);
  ASSERT_TRUE(Ready(servers[0], "a").ok());
  EXPECT_EQ(Get("a").state(), RUNNING);
}

TEST_F(ClusterStateTest, AJobWhoseServersLeaveBeforeItHasBlocksWaitsForOthers) {
  const auto servers = JoinAll(SERVER, 2);
  const auto workers = JoinAll(WORKER, 2);
  ASSERT_TRUE(Submit(Spec("a", 1, 2)).ok());
  Leave(servers[0]);
  const uint64_t first = PlanOf("a").workers(0).node();
  ASSERT_TRUE(LoadData(first, "a").ok());
  EXPECT_EQ(PlanOf("a").total_steps(), 0u);
  EXPECT_EQ(ReasonOf("a"), "waits for 2 servers; 1 are there");
  // A worker that fails meanwhile is replaced all the same.
  ASSERT_TRUE(Fail(first, "a", "out of memory", /*permanent=*/false).ok());
  EXPECT_TRUE(OrdersOf(first).empty());
  ASSERT_EQ(PlanOf("a").workers_size(), 1);
  ASSERT_NE(PlanOf("a").workers(0).node(), first);
  ASSERT_TRUE(LoadData(PlanOf("a").workers(0).node(), "a").ok());
  Join(SERVER);
  EXPECT_EQ(PlanOf("a").total_steps(), 8u);
  EXPECT_EQ(ReasonOf("a"), "");
}

TEST_F(ClusterStateTest, AServerWithoutBlocksIsNotMissed) {
  JoinAll(SERVER, 4);
  const auto workers = JoinAll(WORKER, 2);
  JobSpec spec = Spec("a", 2, 4);
  spec.mutable_placement()->set_block_elements(1 << 20);  // a block a layer
  ASSERT_TRUE(Submit(spec).ok());
  StartJob("a");
  ASSERT_EQ(PlanOf("a").blocks_size(), 2);
  // The servers that hold nothing leave, then a worker: the rest go on.
  std::set<uint64_t> holders;
  for (const Block& block : PlanOf("a").blocks()) {
    holders.insert(
        PlanOf("a").servers(static_cast<int>(block.server())).node());
  }
  ASSERT_EQ(holders.size(), 2u);
  ListNodesResponse nodes;
  state_.DescribeNodes(now_, &nodes);
  for (const auto& node : nodes.nodes()) {
    if (node.role() == SERVER && holders.count(node.node()) == 0) {
      Leave(node.node());
    }
  }
  EXPECT_EQ(Get("a").state(), RUNNING);
  Leave(workers[0]);
  for (const uint64_t node : holders) ASSERT_TRUE(Ready(node, "a").ok());
  EXPECT_EQ(OrdersOf(workers[1]).size(), 1u);
}

TEST_F(ClusterStateTest, AServerThatFailsEndsItsJobs) {
  const auto servers = JoinAll(SERVER, 1);
  JoinAll(WORKER, 2);
  for (const std::string name : {"a", "b"}) {
    ASSERT_TRUE(Submit(Spec(name, 1, 1)).ok());
    StartJob(name);
  }
  ASSERT_TRUE(Fail(servers[0], "a", "disk full", /*permanent=*/false).ok());
  EXPECT_EQ(Get("a").state(), FAILED);
  EXPECT_EQ(ReasonOf("a"), absl::StrCat("server ", servers[0], ": disk full"));
  EXPECT_EQ(Get("b").state(), RUNNING);
}

TEST_F(ClusterStateTest, AWorkerThatFailedServesOtherJobsAndNotThisOne) {
  JoinAll(SERVER, 1);
  const uint64_t worker = Join(WORKER);
  ASSERT_TRUE(Submit(Spec("a", 1, 1)).ok());
  ASSERT_TRUE(Fail(worker, "a", "out of memory", /*permanent=*/false).ok());
  EXPECT_EQ(PlanOf("a").workers_size(), 0);
  EXPECT_EQ(ReasonOf("a"), "waits for a worker");
  const uint64_t incarnation = PlanOf("a").incarnation();
  PassWithout({}, absl::Seconds(4));
  EXPECT_EQ(PlanOf("a").incarnation(), incarnation);  // not tried in a circle
  ASSERT_TRUE(Submit(Spec("b", 1, 1)).ok());
  ASSERT_EQ(PlanOf("b").workers_size(), 1);
  EXPECT_EQ(PlanOf("b").workers(0).node(), worker);
  const uint64_t other = Join(WORKER);
  ASSERT_EQ(PlanOf("a").workers_size(), 1);
  EXPECT_EQ(PlanOf("a").workers(0).node(), other);
}

class CutOffTest : public ClusterStateTest {
 protected:
  absl::Status CutOff(uint64_t worker) {
    ReportRequest report = From(worker, "a");
    report.mutable_failed()->set_message("server-1:7070: no answer");
    report.mutable_failed()->set_cut_off(true);
    return Report(report);
  }
  std::vector<uint64_t> Workers() {
    std::vector<uint64_t> workers;
    for (const auto& worker : PlanOf("a").workers()) {
      workers.push_back(worker.node());
    }
    return workers;
  }
};

TEST_F(CutOffTest, OthersDoWhatAWorkerDidThatDoesNotReachAServer) {
  JoinAll(SERVER, 2);
  const auto workers = JoinAll(WORKER, 2);
  ASSERT_TRUE(Submit(Spec("a", 2, 2)).ok());
  StartJob("a");
  ASSERT_TRUE(CutOff(workers[0]).ok());
  EXPECT_EQ(Workers(), std::vector<uint64_t>{workers[1]});
  AllReady("a");
  EXPECT_EQ(Get("a").state(), RUNNING);
  // Both may not be missing.
  ASSERT_TRUE(CutOff(workers[1]).ok());
  EXPECT_EQ(Workers(), std::vector<uint64_t>{workers[1]});
  // It is asked again.
  for (int i = 0; i < 14; ++i) PassWithout({}, absl::Seconds(4));
  EXPECT_EQ(Workers().size(), 1u);
  EXPECT_LE(state_.NextDeadline(), now_ + absl::Seconds(4));
  PassWithout({}, absl::Seconds(4));
  EXPECT_EQ(Workers(), (std::vector<uint64_t>{workers[1], workers[0]}));
}

TEST_F(CutOffTest, AnIdleWorkerTakesItsPlace) {
  JoinAll(SERVER, 1);
  const auto workers = JoinAll(WORKER, 3);
  ASSERT_TRUE(Submit(Spec("a", 2, 1)).ok());
  StartJob("a");
  ASSERT_TRUE(CutOff(workers[1]).ok());
  EXPECT_EQ(Workers(), (std::vector<uint64_t>{workers[0], workers[2]}));
}

TEST_F(CutOffTest, TheOnlyWorkerTriesOn) {
  JoinAll(SERVER, 1);
  const uint64_t worker = Join(WORKER);
  ASSERT_TRUE(Submit(Spec("a", 1, 1)).ok());
  StartJob("a");
  const uint64_t incarnation = PlanOf("a").incarnation();
  ASSERT_TRUE(CutOff(worker).ok());
  EXPECT_EQ(PlanOf("a").incarnation(), incarnation);
  EXPECT_EQ(OrdersOf(worker).size(), 1u);
}

TEST_F(ClusterStateTest, WorkersWithDifferentDataFailTheJob) {
  JoinAll(SERVER, 1);
  const auto workers = JoinAll(WORKER, 2);
  ASSERT_TRUE(Submit(Spec("a", 2, 1)).ok());
  ASSERT_TRUE(LoadData(workers[0], "a", 64, 10).ok());
  ASSERT_TRUE(LoadData(workers[1], "a", 64, 11).ok());
  EXPECT_EQ(Get("a").state(), FAILED);
  EXPECT_THAT(
      ReasonOf("a"),
      AllOf(HasSubstr("different data"),
            HasSubstr(absl::StrCat("worker ", workers[0], " found 64 + 10")),
            HasSubstr(absl::StrCat("worker ", workers[1], " 64 + 11"))));
}

TEST_F(ClusterStateTest, TheDataOfAWorkerThatWasReplacedDoesNotCount) {
  JoinAll(SERVER, 1);
  const auto workers = JoinAll(WORKER, 3);
  ASSERT_TRUE(Submit(Spec("a", 2, 1)).ok());
  ASSERT_TRUE(LoadData(workers[0], "a", 63).ok());
  ASSERT_TRUE(Fail(workers[0], "a", "disk error", /*permanent=*/false).ok());
  ASSERT_TRUE(LoadData(workers[1], "a", 64).ok());
  ASSERT_TRUE(LoadData(workers[2], "a", 64).ok());
  EXPECT_EQ(ReasonOf("a"), "");
  EXPECT_EQ(PlanOf("a").total_steps(), 8u);
}

TEST_F(ClusterStateTest, DataThatMakesNoJobFailsIt) {
  JoinAll(SERVER, 1);
  const uint64_t worker = Join(WORKER);
  ASSERT_TRUE(Submit(Spec("none", 1, 1)).ok());
  ASSERT_TRUE(LoadData(worker, "none", 0).ok());
  EXPECT_EQ(Get("none").state(), FAILED);
  EXPECT_THAT(ReasonOf("none"),
              HasSubstr(absl::StrCat("worker ", worker, " found 0 training")));
  ASSERT_TRUE(Submit(Spec("huge", 1, 1)).ok());
  ASSERT_TRUE(LoadData(worker, "huge", ~uint64_t{0}).ok());
  EXPECT_EQ(Get("huge").state(), FAILED);
  // Epochs times steps must not wrap round to few steps, or none.
  JobSpec spec = Spec("long", 1, 1);
  spec.mutable_schedule()->set_epochs(uint64_t{1} << 40);
  ASSERT_TRUE(Submit(spec).ok());
  ASSERT_TRUE(LoadData(worker, "long", uint64_t{16} << 24).ok());
  EXPECT_EQ(Get("long").state(), FAILED);
  EXPECT_THAT(ReasonOf("long"), HasSubstr("schedule.epochs"));
}

TEST_F(ClusterStateTest, AJobThatCannotGoOnEndsAndHoldsUpNobody) {
  JoinAll(SERVER, 1);
  JoinAll(WORKER, 1);
  ASSERT_TRUE(Submit(Spec("a", 1, 1)).ok());
  ASSERT_TRUE(Submit(Spec("b", 1, 1)).ok());
  StartJob("a");
  state_.FailJob(Get("a").id(), "no room", now_);
  Settle();
  EXPECT_EQ(Get("a").state(), FAILED);
  EXPECT_EQ(ReasonOf("a"), "no room");
  EXPECT_EQ(Get("b").state(), STARTING);
}

TEST_F(ClusterStateTest, ReportsOfStrangersChangeNothing) {
  JoinAll(SERVER, 1);
  const uint64_t worker = Join(WORKER);
  ASSERT_TRUE(Submit(Spec("a", 1, 1)).ok());
  StartJob("a");
  const uint64_t stranger = Join(WORKER);
  EXPECT_TRUE(absl::IsFailedPrecondition(
      Fail(stranger, "a", "bad data", /*permanent=*/true)));
  ReportRequest report = From(worker, "a");
  report.mutable_failed();
  report.set_job(report.job() + 1000);
  EXPECT_TRUE(absl::IsFailedPrecondition(Report(report)));
  report = From(worker + 1000, "a");
  report.mutable_failed();
  EXPECT_TRUE(absl::IsNotFound(Report(report)));
  EXPECT_TRUE(absl::IsInvalidArgument(Report(From(worker, "a"))));  // empty
  EXPECT_EQ(Get("a").state(), RUNNING);
}

TEST_F(ClusterStateTest, AMemberWhoseLeaseEndedIsUnknownFromThenOn) {
  const uint64_t worker = Join(WORKER);
  Pass(absl::Seconds(5));
  EXPECT_TRUE(absl::IsNotFound(state_.Renew(worker, now_)));
  EXPECT_TRUE(absl::IsNotFound(state_.OrdersFor(worker).status()));
  EXPECT_NE(Join(WORKER), worker);
}

}  // namespace
}  // namespace hawser
