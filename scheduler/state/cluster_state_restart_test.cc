// The scheduler restarts: its jobs go on where they were, with the members that
// come back.
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "scheduler/state/cluster_state_test_support.h"

namespace hawser {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

const absl::Duration kGrace = absl::Seconds(5) + Membership::kComeBack;

class RestartTest : public ClusterStateTest {
 protected:
  // Job "a" of two servers and two workers: 8 steps, 4 an epoch.
  void Start() {
    servers_ = JoinAll(SERVER, 2);
    workers_ = JoinAll(WORKER, 2);
    ASSERT_TRUE(Submit(Spec("a", 2, 2)).ok());
  }
  void AllComeBack() {
    ComeBack(servers_);
    ComeBack(workers_);
  }
  // To the end, from where the job is.
  void Finish(uint64_t told) {
    ASSERT_TRUE(DoSteps("a", told, 8).ok());
    for (const uint64_t step : {4, 8}) {
      ASSERT_TRUE(Validate(workers_[0], "a", step, 0, 1).ok());
      ASSERT_TRUE(Validate(workers_[1], "a", step, 1, 2).ok());
    }
    WriteCheckpoints("a", 8);
    ASSERT_TRUE(Hash(workers_[0], "a", 8).ok());
    ExpectEnd();
  }
  void ExpectEnd() {
    const JobStatus end = Describe("a");
    EXPECT_EQ(end.state(), SUCCEEDED) << end.reason();
    EXPECT_EQ(end.parameters_sha256(), "abc");
    EXPECT_EQ(end.checkpoint_step(), 8u);
    ASSERT_EQ(end.epochs_done_size(), 2);
    for (const EpochMetrics& epoch : end.epochs_done()) {
      EXPECT_EQ(epoch.training().samples(), 64u);
      EXPECT_EQ(epoch.training().loss_nanonats(), 400);
      EXPECT_EQ(epoch.validation().samples(), 10u);
    }
  }
  std::vector<std::string> LogOf(const std::string& job, uint64_t from = 0) {
    GetJobLogResponse log;
    Get(job).log().Read(from, &log);
    std::vector<std::string> lines;
    for (const LogLine& line : log.lines()) lines.push_back(line.text());
    return lines;
  }

  std::vector<uint64_t> servers_;
  std::vector<uint64_t> workers_;
};

TEST_F(RestartTest, ARunningJobGoesOnWithTheSameMembers) {
  Start();
  StartJob("a");
  ASSERT_TRUE(DoSteps("a", 0, 3).ok());
  const Plan before = PlanOf("a");
  const uint64_t orders = state_.OrdersVersion(workers_[0]).value();
  Restart();
  EXPECT_EQ(Get("a").state(), RUNNING);
  EXPECT_THAT(ReasonOf("a"), HasSubstr("the scheduler has restarted"));
  EXPECT_TRUE(absl::IsNotFound(state_.Renew(workers_[0], now_)));
  EXPECT_TRUE(absl::IsNotFound(DoSteps("a", 0, 4)));
  EXPECT_EQ(ComeBack(workers_[0]), workers_[0]);
  // What it is to do has not changed: it works on meanwhile.
  EXPECT_EQ(state_.OrdersVersion(workers_[0]).value(), orders);
  ComeBack(servers_);
  EXPECT_EQ(PlanOf("a").incarnation(), before.incarnation());
  EXPECT_EQ(ComeBack(workers_[1]), workers_[1]);
  // A new incarnation of the same.
  Plan after = PlanOf("a");
  EXPECT_GT(after.incarnation(), before.incarnation());
  after.set_incarnation(before.incarnation());
  EXPECT_EQ(after.SerializeAsString(), before.SerializeAsString());
  EXPECT_TRUE(OrdersOf(workers_[0]).empty()) << "servers adopt it first";
  AllReady("a");
  EXPECT_EQ(OrdersOf(workers_[0]).size(), 1u);
  EXPECT_EQ(Get("a").state(), RUNNING);
  EXPECT_EQ(ReasonOf("a"), "");
  Finish(/*told=*/0);
  EXPECT_THAT(LogOf("a"),
              Contains("the scheduler restarted; 4 of 4 members are back"));
}

TEST_F(RestartTest, BlocksArePlacedWhenServersAreBackThoughTheJournalWasFull) {
  Start();
  Restart();
  // All workers have their data before the journal takes the next plan.
  for (const uint64_t worker : workers_) {
    RegisterRequest request = requests_.at(worker);
    request.set_former_node(worker);
    EXPECT_EQ(state_.Register(request, now_).value(), worker);
  }
  for (const uint64_t worker : workers_) {
    ReportRequest report = From(worker, "a");
    report.mutable_data_loaded()->set_training_samples(64);
    report.mutable_data_loaded()->set_validation_samples(10);
    report.mutable_data_loaded()->set_validation_bytes(640);
    EXPECT_TRUE(state_.Report(report, now_).ok());
  }
  Settle();
  EXPECT_EQ(PlanOf("a").blocks_size(), 0);
  for (const uint64_t server : servers_) ComeBack(server);
  StartJob("a");
  EXPECT_NE(PlanOf("a").blocks_size(), 0);
  Finish(/*told=*/0);
}

TEST_F(RestartTest, WhatAnEpochHadDoneIsCountedOnce) {
  Start();
  StartJob("a");
  ASSERT_TRUE(DoSteps("a", 0, 4).ok());
  ASSERT_TRUE(Validate(workers_[0], "a", 4, 0, 1).ok());
  ASSERT_TRUE(Validate(workers_[1], "a", 4, 1, 2).ok());
  ASSERT_TRUE(DoSteps("a", 4, 6).ok());
  EXPECT_EQ(Describe("a").epoch(), 1u);
  for (int restarts = 0; restarts < 3; ++restarts) {
    Restart();
    EXPECT_EQ(Describe("a").epoch(), 1u);
    EXPECT_EQ(Describe("a").step(), 4u) << "until the server tells the rest";
    AllComeBack();
    AllReady("a");
    ASSERT_TRUE(DoSteps("a", 0, 7).ok());  // tells all again
    EXPECT_EQ(Describe("a").step(), 7u);
  }
  Finish(/*told=*/4);
}

TEST_F(RestartTest, StepsThatWereToldBeforeItAreMissedUntilTheyAreToldAgain) {
  Start();
  StartJob("a");
  ASSERT_TRUE(DoSteps("a", 0, 5).ok());
  Restart();
  AllComeBack();
  AllReady("a");
  // Of what followed, by the incarnation before.
  EXPECT_TRUE(absl::IsFailedPrecondition(DoSteps("a", 5, 6)));
  EXPECT_EQ(Describe("a").step(), 0u);
  Finish(/*told=*/0);
}

TEST_F(RestartTest, AJobThatOpensItsDataGoesOn) {
  Start();
  ASSERT_TRUE(LoadData(workers_[0], "a").ok());
  ASSERT_EQ(PlanOf("a").total_steps(), 0u);
  Restart();
  EXPECT_EQ(Get("a").state(), STARTING);
  ComeBack(workers_);
  EXPECT_EQ(OrdersOf(workers_[0]).size(), 1u);
  for (const uint64_t server : servers_) {
    EXPECT_NE(ComeBack(server), server) << "no plan has named it";
  }
  servers_.clear();
  EXPECT_EQ(Get("a").state(), STARTING);
  ASSERT_TRUE(LoadData(workers_[1], "a").ok());
  EXPECT_EQ(PlanOf("a").total_steps(), 0u) << "the other's is not known";
  ASSERT_TRUE(LoadData(workers_[0], "a").ok());
  EXPECT_EQ(PlanOf("a").total_steps(), 8u);
  AllReady("a");
  Finish(/*told=*/0);
}

TEST_F(RestartTest, AJobWhoseServersPrepareGoesOn) {
  Start();
  for (const uint64_t worker : workers_) {
    ASSERT_TRUE(LoadData(worker, "a").ok());
  }
  ASSERT_TRUE(Ready(servers_[0], "a").ok());
  Restart();
  EXPECT_EQ(Get("a").state(), STARTING);
  ComeBack(workers_);
  EXPECT_TRUE(OrdersOf(workers_[0]).empty()) << "as before";
  ComeBack(servers_);
  EXPECT_EQ(OrdersOf(servers_[0]).size(), 1u);
  AllReady("a");
  EXPECT_EQ(Get("a").state(), RUNNING);
  Finish(/*told=*/0);
}

TEST_F(RestartTest, APausedJobGoesOnInItsNewPhase) {
  Start();
  StartJob("a");
  ChangeJobRequest change;
  change.set_name("a");
  change.set_mode(ASYNCHRONOUS);
  // Accepted but not planned; planned but not gone on.
  Commit(*state_.Change(change, now_));
  Restart();
  AllComeBack();
  EXPECT_TRUE(PlanOf("a").pause());
  const uint64_t paused = PlanOf("a").incarnation();
  ASSERT_TRUE(Ready(servers_[0], "a").ok());
  Restart();
  EXPECT_TRUE(OrdersOf(ComeBack(workers_[0])).empty()) << "it pauses";
  AllComeBack();
  EXPECT_TRUE(PlanOf("a").pause());
  EXPECT_GT(PlanOf("a").incarnation(), paused);
  for (const uint64_t server : servers_) {
    ReportRequest report = From(server, "a");
    report.mutable_server_ready()->set_untouched_step(2);
    ASSERT_TRUE(Report(report).ok());
  }
  EXPECT_FALSE(PlanOf("a").pause());
  ASSERT_EQ(PlanOf("a").phases_size(), 2);
  EXPECT_EQ(PlanOf("a").phases(1).from_step(), 2u);
  AllReady("a");
  Finish(/*told=*/0);
}

TEST_F(RestartTest, AJobThatFinishesIsToldAgainWhatItStillLacks) {
  Start();
  StartJob("a");
  ASSERT_TRUE(DoSteps("a", 0, 8).ok());
  for (const uint64_t step : {4, 8}) {
    ASSERT_TRUE(Validate(workers_[0], "a", step, 0, 2).ok());
  }
  ReportRequest file = From(servers_[0], "a");
  file.mutable_checkpoint_written()->set_step(8);
  ASSERT_TRUE(Report(file).ok());
  ASSERT_TRUE(Hash(workers_[0], "a", 8).ok());
  Restart();
  EXPECT_EQ(Get("a").state(), FINISHING);
  AllComeBack();
  AllReady("a");
  EXPECT_EQ(OrdersOf(workers_[0]).size(), 1u);
  WriteCheckpoints("a", 8);
  EXPECT_EQ(Get("a").state(), FINISHING) << "the hash is not known any more";
  ASSERT_TRUE(Hash(workers_[0], "a", 8).ok());
  ExpectEnd();
}

TEST_F(RestartTest, AQueuedJobWaitsOnAndAnEndedOneStaysAsItIs) {
  ASSERT_TRUE(Submit(Spec("waits", 2, 2)).ok());
  ASSERT_TRUE(Submit(Spec("over", 2, 2)).ok());
  Cancel("over");
  Restart();
  EXPECT_EQ(Get("waits").state(), QUEUED);
  EXPECT_THAT(ReasonOf("waits"), HasSubstr("needs 2 workers"));
  EXPECT_EQ(Get("over").state(), CANCELLED);
  JoinAll(SERVER, 2);
  JoinAll(WORKER, 2);
  EXPECT_EQ(Get("waits").state(), STARTING);
}

TEST_F(RestartTest, AWorkerThatDoesNotComeBackIsLostInTheEnd) {
  Start();
  StartJob("a");
  Restart();
  ComeBack(servers_);
  ComeBack({workers_[1]});
  const uint64_t before = PlanOf("a").incarnation();
  PassWithout({}, kGrace - absl::Milliseconds(1));
  EXPECT_EQ(PlanOf("a").incarnation(), before) << "it may come yet";
  PassWithout({}, absl::Milliseconds(1));
  EXPECT_GT(PlanOf("a").incarnation(), before);
  ASSERT_EQ(PlanOf("a").workers_size(), 1);
  EXPECT_EQ(PlanOf("a").workers(0).node(), workers_[1]);
  EXPECT_THAT(LogOf("a"),
              Contains(absl::StrCat("worker ", workers_[0],
                                    " did not come back after the scheduler "
                                    "restarted")));
  EXPECT_THAT(LogOf("a"),
              Contains("the scheduler restarted; 3 of 4 members are back"));
  EXPECT_NE(ComeBack(workers_[0]), workers_[0]) << "its number is gone";
}

TEST_F(RestartTest, AServerThatDoesNotComeBackIsLostAsIfItsLeaseHadEnded) {
  Start();
  StartJob("a");
  Restart();
  ComeBack(workers_);
  ComeBack({servers_[0]});
  PassWithout({}, kGrace - absl::Milliseconds(1));
  EXPECT_EQ(Get("a").state(), RUNNING);
  PassWithout({}, absl::Milliseconds(1));
  EXPECT_THAT(LogOf("a"),
              Contains(absl::StrCat("server ", servers_[1],
                                    " did not come back after the scheduler "
                                    "restarted and with it the parameters it "
                                    "held")));
  // It is rolled back when there is another.
  EXPECT_THAT(ReasonOf("a"), HasSubstr("waits for a server"));
  EXPECT_TRUE(OrdersOf(workers_[0]).empty());
  const uint64_t other = Join(SERVER);
  EXPECT_EQ(PlanOf("a").servers(1).node(), other);
  EXPECT_EQ(PlanOf("a").blocks_since(), PlanOf("a").incarnation());
}

TEST_F(RestartTest, AServerThatHasStartedOverIsNotTakenForTheOneBefore) {
  servers_ = {JoinAt("here", SERVER)};
  workers_ = JoinAll(WORKER, 1);
  ASSERT_TRUE(Submit(Spec("a", 1, 1)).ok());
  StartJob("a");
  Restart();
  ComeBack(workers_);
  // Killed while the scheduler was away: it has no former number, nor blocks.
  const uint64_t other = JoinAt("here", SERVER);
  EXPECT_NE(other, servers_[0]);
  EXPECT_THAT(LogOf("a"),
              Contains(absl::StrCat(
                  "server ", servers_[0],
                  " has started over and with it the parameters it held")));
  EXPECT_EQ(PlanOf("a").servers(0).node(), other);
  EXPECT_TRUE(PlanOf("a").has_restore());
}

TEST_F(RestartTest, WhoeverLeavesBeforeItIsBackIsLostAtOnce) {
  Start();
  StartJob("a");
  Restart();
  ComeBack(servers_);
  ComeBack({workers_[0]});
  Leave(workers_[1]);
  EXPECT_EQ(PlanOf("a").workers_size(), 1);
}

TEST_F(RestartTest, ACancelWhileMembersAreAwaitedFreesThem) {
  Start();
  StartJob("a");
  Restart();
  ComeBack(servers_);
  Cancel("a");
  EXPECT_EQ(Get("a").state(), CANCELLED);
  ComeBack(workers_);
  EXPECT_TRUE(OrdersOf(workers_[0]).empty());
  ASSERT_TRUE(Submit(Spec("b", 2, 2)).ok());
  EXPECT_EQ(Get("b").state(), STARTING);
}

TEST_F(RestartTest, TheLimitsCountOverARestart) {
  servers_ = JoinAll(SERVER, 1);
  workers_ = JoinAll(WORKER, 1);
  JobSpec spec = Spec("a", 1, 1);
  spec.mutable_limits()->set_max_seconds(60);
  ASSERT_TRUE(Submit(spec).ok());
  StartJob("a");
  PassWithout({}, absl::Seconds(3));
  Restart();
  AllComeBack();
  AllReady("a");
  EXPECT_EQ(Describe("a").seconds_running(), 3);
  for (int i = 0; i < 14; ++i) PassWithout({}, absl::Seconds(4));
  EXPECT_EQ(Get("a").state(), RUNNING);
  PassWithout({}, absl::Seconds(1));
  EXPECT_EQ(Get("a").state(), FAILED);
  EXPECT_THAT(ReasonOf("a"), HasSubstr("limits.max_seconds"));
}

// A journal that cannot be written holds a job up before its first step: by it
// a scheduler that restarts knows whether there are copies of blocks to go on
// with.
TEST_F(RestartTest, NobodyWorksBeforeItIsDurableThatTheJobRuns) {
  servers_ = JoinAll(SERVER, 2);
  workers_ = JoinAll(WORKER, 1);
  JobSpec spec = Spec("a", 1, 2);
  spec.mutable_resources()->set_replicas(2);
  ASSERT_TRUE(Submit(spec).ok());
  ASSERT_TRUE(LoadData(workers_[0], "a").ok());
  for (const uint64_t server : servers_) {
    ReportRequest report = From(server, "a");
    report.mutable_server_ready();
    ASSERT_TRUE(state_.Report(report, now_).ok());
  }
  ASSERT_TRUE(Get("a").ServersReady());
  EXPECT_EQ(Get("a").state(), STARTING);
  EXPECT_TRUE(OrdersOf(workers_[0]).empty());
  Settle();
  EXPECT_EQ(Get("a").state(), RUNNING);
  EXPECT_EQ(OrdersOf(workers_[0]).size(), 1u);
  // The servers' word alone is not written; this is.
  Restart();
  EXPECT_EQ(Get("a").state(), RUNNING);
  EXPECT_EQ(ComeBack(servers_[0]), servers_[0]);
  EXPECT_EQ(ComeBack(workers_[0]), workers_[0]);
  const uint64_t blocks_since = PlanOf("a").blocks_since();
  for (int i = 0; i < 3; ++i) PassWithout({servers_[1]}, absl::Seconds(4));
  EXPECT_EQ(PlanOf("a").blocks_since(), blocks_since) << "it rolled back";
  EXPECT_EQ(PlanOf("a").servers_size(), 1);
}

TEST_F(RestartTest, CheckpointsByTheTimeGoOn) {
  servers_ = JoinAll(SERVER, 1);
  workers_ = JoinAll(WORKER, 1);
  JobSpec spec = Spec("a", 1, 1);
  spec.mutable_checkpoint()->set_every_seconds(10);
  ASSERT_TRUE(Submit(spec).ok());
  StartJob("a");
  Restart();
  AllComeBack();
  AllReady("a");
  ASSERT_TRUE(DoSteps("a", 0, 2).ok());
  EXPECT_EQ(Get("a").ordered_checkpoint(), 0u);
  for (int i = 0; i < 3; ++i) PassWithout({}, absl::Seconds(4));
  EXPECT_GT(Get("a").ordered_checkpoint(), 2u);
}

// Who validates goes on once it is told that all is in, and no block has that
// version any more.
TEST_F(RestartTest, AValidationThatWasCompleteIsKept) {
  Start();
  StartJob("a");
  ASSERT_TRUE(Validate(workers_[0], "a", 4, 0, 2).ok());
  Restart();
  AllComeBack();
  AllReady("a");
  ASSERT_TRUE(DoSteps("a", 0, 5).ok());
  ASSERT_EQ(Describe("a").epochs_done_size(), 1);
  EXPECT_EQ(Describe("a").epochs_done(0).validation().samples(), 10u);
  // One that measures it again changes nothing.
  ASSERT_TRUE(Validate(workers_[0], "a", 4, 0, 1).ok());
  Finish(/*told=*/4);
}

TEST_F(RestartTest, AValidationThatWasNotCompleteIsMeasuredAnew) {
  Start();
  StartJob("a");
  ASSERT_TRUE(Validate(workers_[0], "a", 4, 0, 1).ok());
  Restart();
  AllComeBack();
  AllReady("a");
  ASSERT_TRUE(Validate(workers_[1], "a", 4, 1, 2).ok());
  ASSERT_TRUE(DoSteps("a", 0, 4).ok());
  EXPECT_EQ(Describe("a").epochs_done_size(), 0);
  ASSERT_TRUE(Validate(workers_[0], "a", 4, 0, 1).ok());
  EXPECT_EQ(Describe("a").epochs_done_size(), 1);
}

TEST_F(RestartTest, AWorkerThatAsksTwiceGetsTheSameNumberAndNobodyElseDoes) {
  Start();
  StartJob("a");
  Restart();
  EXPECT_EQ(ComeBack(workers_[0]), workers_[0]);
  EXPECT_EQ(ComeBack(workers_[0]), workers_[0]) << "it was not told";
  RegisterRequest other = requests_.at(workers_[0]);
  other.set_process(77);
  other.set_former_node(workers_[0]);
  EXPECT_NE(*state_.Register(other, now_), workers_[0]);
  other.set_role(SERVER);
  other.set_former_node(workers_[1]);
  EXPECT_NE(*state_.Register(other, now_), workers_[1]);
}

// A log that begins anew is shorter than one that was read before.
TEST_F(RestartTest, WhoReadsTheLogHearsOfTheRestart) {
  Start();
  StartJob("a");
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(Fail(workers_[1], "a", "made up", /*permanent=*/false).ok() ||
                i > 0);
  }
  const uint64_t read = LogOf("a").size();
  Restart();
  EXPECT_THAT(LogOf("a", read + 10),
              ElementsAre("the scheduler restarted; 3 members are awaited"));
}

}  // namespace
}  // namespace hawser
