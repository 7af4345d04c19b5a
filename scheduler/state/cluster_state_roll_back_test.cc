// Lost servers: what a job goes back to, when, on which servers, and what is
// refused from then on.
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "scheduler/state/cluster_state_test_support.h"

namespace hawser {
namespace {

using testing::HasSubstr;

class RollBackTest : public ClusterStateTest {
 protected:
  // Job "a" on two of the servers there are, with two workers, RUNNING.
  void Start(int servers) {
    servers_ = JoinAll(SERVER, servers);
    workers_ = JoinAll(WORKER, 2);
    ASSERT_TRUE(Submit(Spec("a", 2, 2)).ok());
    StartJob("a");
  }
  uint64_t ServerAt(int place) { return PlanOf("a").servers(place).node(); }
  void FinishEpochAt(uint64_t step) {
    ASSERT_TRUE(Validate(workers_[0], "a", step, 0, 2).ok());
  }
  void FinishJob() {
    ASSERT_TRUE(DoSteps("a", Get("a").progress().step(), 8).ok());
    if (Describe("a").epoch() == 0) FinishEpochAt(4);
    FinishEpochAt(8);
    WriteCheckpoints("a", 8);
    ASSERT_TRUE(Hash(workers_[0], "a", 8).ok());
    ExpectSuccess();
  }
  // With the sums of an undisturbed run.
  void ExpectSuccess() {
    const JobStatus status = Describe("a");
    EXPECT_EQ(status.state(), SUCCEEDED);
    EXPECT_EQ(status.checkpoint_step(), 8u);
    ASSERT_EQ(status.epochs_done_size(), 2);
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(status.epochs_done(i).epoch(), static_cast<uint64_t>(i + 1));
      EXPECT_EQ(status.epochs_done(i).training().samples(), 64u);
      EXPECT_EQ(status.epochs_done(i).training().loss_nanonats(), 400);
      EXPECT_EQ(status.epochs_done(i).validation().samples(), 10u);
    }
    CheckReplay();
  }
  void CheckReplay() {
    ClusterState restored(absl::Seconds(5));
    for (const auto& event : journal_) restored.Apply(event);
    JobStatus after;
    (*restored.FindJob("a"))->Describe(/*with_plan=*/true, now_, &after);
    std::string difference;
    google::protobuf::util::MessageDifferencer differencer;
    differencer.ReportDifferencesToString(&difference);
    EXPECT_TRUE(
        differencer.Compare(DurablePart(Describe("a")), DurablePart(after)))
        << difference;
  }
  absl::Status CannotRestore(uint64_t node, const std::string& message) {
    ReportRequest report = From(node, "a");
    report.mutable_failed()->set_message(message);
    report.mutable_failed()->set_permanent(true);
    report.mutable_failed()->set_cannot_restore(true);
    return Report(report);
  }
  std::string LogOf(const std::string& name) {
    GetJobLogResponse log;
    Get(name).log().Read(0, &log);
    std::string text;
    for (const LogLine& line : log.lines())
      absl::StrAppend(&text, line.text(), "\n");
    return text;
  }

  std::vector<uint64_t> servers_, workers_;
};

TEST_F(RollBackTest, ToTheLastCheckpointOnAnotherServer) {
  Start(3);
  ASSERT_TRUE(DoSteps("a", 0, 4).ok());
  FinishEpochAt(4);
  WriteCheckpoints("a", 4);
  ASSERT_TRUE(DoSteps("a", 4, 6).ok());
  const Plan before = PlanOf("a");
  EXPECT_EQ(before.blocks_since(), before.incarnation());
  EXPECT_FALSE(before.has_restore());
  const uint64_t kept = ServerAt(0);
  Leave(ServerAt(1));

  const Plan plan = PlanOf("a");
  EXPECT_GT(plan.incarnation(), before.incarnation());
  EXPECT_EQ(plan.blocks_since(), plan.incarnation());
  EXPECT_EQ(plan.restore().step(), 4u);
  EXPECT_EQ(plan.restore().directory(), "/out/step-4");
  EXPECT_EQ(plan.servers(0).node(), kept);
  EXPECT_EQ(plan.servers(1).node(), servers_[2]);
  for (int b = 0; b < plan.blocks_size(); ++b) {
    EXPECT_EQ(plan.blocks(b).server(), before.blocks(b).server());
  }
  EXPECT_EQ(Get("a").state(), RUNNING);
  EXPECT_EQ(Get("a").progress().step(), 4u);
  EXPECT_EQ(Describe("a").epoch(), 1u);
  EXPECT_EQ(Describe("a").restored_step(), 4u);
  // Workers go on when all servers have restored their blocks.
  EXPECT_TRUE(OrdersOf(workers_[0]).empty());
  ASSERT_TRUE(Ready(ServerAt(0), "a").ok());
  EXPECT_TRUE(OrdersOf(workers_[0]).empty());
  ASSERT_TRUE(Ready(ServerAt(1), "a").ok());
  EXPECT_EQ(OrdersOf(workers_[0]).size(), 1u);
  FinishJob();
}

TEST_F(RollBackTest, AnotherIncarnationAfterwardsKeepsTheBlocks) {
  Start(3);
  ASSERT_TRUE(DoSteps("a", 0, 4).ok());
  WriteCheckpoints("a", 4);
  Leave(ServerAt(1));
  AllReady("a");
  ASSERT_TRUE(DoSteps("a", 4, 6).ok());
  const Plan before = PlanOf("a");
  Leave(workers_[1]);
  EXPECT_GT(PlanOf("a").incarnation(), before.incarnation());
  EXPECT_EQ(PlanOf("a").blocks_since(), before.blocks_since());
  EXPECT_EQ(Get("a").progress().step(), 6u);
}

TEST_F(RollBackTest, InTheMiddleOfAnEpochNoSampleIsLostOrCountedTwice) {
  Start(3);
  ASSERT_TRUE(DoSteps("a", 0, 2).ok());
  WriteCheckpoints("a", 2);
  ASSERT_TRUE(DoSteps("a", 2, 4).ok());
  FinishEpochAt(4);
  ASSERT_TRUE(DoSteps("a", 4, 7).ok());
  EXPECT_EQ(Describe("a").epoch(), 1u);
  Leave(ServerAt(0));
  // The epoch is made again.
  EXPECT_EQ(Get("a").progress().step(), 2u);
  EXPECT_EQ(Describe("a").epoch(), 0u);
  CheckReplay();
  AllReady("a");
  FinishJob();
}

TEST_F(RollBackTest, WithoutACheckpointToTheInitialValues) {
  Start(3);
  ASSERT_TRUE(DoSteps("a", 0, 3).ok());
  Leave(ServerAt(1));
  EXPECT_TRUE(PlanOf("a").has_restore());
  EXPECT_EQ(PlanOf("a").restore().step(), 0u);
  EXPECT_EQ(PlanOf("a").restore().directory(), "");
  EXPECT_EQ(Get("a").progress().step(), 0u);
  AllReady("a");
  FinishJob();
}

TEST_F(RollBackTest, BeforeItRuns) {
  servers_ = JoinAll(SERVER, 3);
  workers_ = JoinAll(WORKER, 2);
  ASSERT_TRUE(Submit(Spec("a", 2, 2)).ok());
  for (const uint64_t worker : workers_) {
    ASSERT_TRUE(LoadData(worker, "a").ok());
  }
  ASSERT_TRUE(Ready(ServerAt(0), "a").ok());
  Leave(ServerAt(1));
  EXPECT_EQ(Get("a").state(), STARTING);
  ASSERT_TRUE(Ready(ServerAt(1), "a").ok());
  EXPECT_EQ(Get("a").state(), STARTING);
  ASSERT_TRUE(Ready(ServerAt(0), "a").ok());
  EXPECT_EQ(Get("a").state(), RUNNING);
  FinishJob();
}

TEST_F(RollBackTest, TooFewServersAreWaitedForAndTheReasonSaysSo) {
  Start(2);
  ASSERT_TRUE(DoSteps("a", 0, 4).ok());
  WriteCheckpoints("a", 4);
  const uint64_t incarnation = PlanOf("a").incarnation();
  Leave(ServerAt(1));
  EXPECT_EQ(PlanOf("a").incarnation(), incarnation);
  EXPECT_EQ(
      ReasonOf("a"),
      "waits for a server: 2 are needed, 1 is there; goes on from step 4");
  EXPECT_TRUE(OrdersOf(workers_[0]).empty());
  // More is lost meanwhile.
  Leave(workers_[0]);
  Leave(ServerAt(0));
  EXPECT_THAT(ReasonOf("a"), HasSubstr("2 are needed, 0 are there"));
  const uint64_t first = Join(SERVER);
  EXPECT_THAT(ReasonOf("a"), HasSubstr("2 are needed, 1 is there"));
  const uint64_t second = Join(SERVER);
  EXPECT_EQ(ReasonOf("a"), "");
  EXPECT_EQ(PlanOf("a").restore().step(), 4u);
  EXPECT_EQ(ServerAt(0), first);
  EXPECT_EQ(ServerAt(1), second);
  ASSERT_EQ(PlanOf("a").workers_size(), 1);
  workers_ = {workers_[1]};
  AllReady("a");
  FinishJob();
}

TEST_F(RollBackTest, LimitsHoldWhileItWaits) {
  JoinAll(WORKER, 1);
  const uint64_t server = Join(SERVER);
  JobSpec spec = Spec("a", 1, 1);
  spec.mutable_limits()->set_max_seconds(60);
  ASSERT_TRUE(Submit(spec).ok());
  StartJob("a");
  Leave(server);
  EXPECT_EQ(Get("a").state(), RUNNING);
  PassWithout({}, absl::Seconds(60));
  EXPECT_EQ(Get("a").state(), FAILED);
  EXPECT_THAT(ReasonOf("a"), HasSubstr("limits.max_seconds"));
}

TEST_F(RollBackTest, AfterTheLastStep) {
  Start(3);
  ASSERT_TRUE(DoSteps("a", 0, 4).ok());
  FinishEpochAt(4);
  ASSERT_TRUE(DoSteps("a", 4, 8).ok());
  EXPECT_EQ(Get("a").state(), FINISHING);
  ASSERT_TRUE(Hash(workers_[0], "a", 8).ok());
  WriteCheckpoints("a", 8);
  // The validation of the last epoch is missing; all steps are there.
  Leave(ServerAt(1));
  EXPECT_EQ(PlanOf("a").restore().step(), 8u);
  AllReady("a");
  EXPECT_EQ(Get("a").state(), FINISHING);
  FinishEpochAt(8);
  EXPECT_EQ(Get("a").state(), FINISHING);
  ASSERT_TRUE(Hash(workers_[0], "a", 8).ok());
  ExpectSuccess();
}

TEST_F(RollBackTest, AfterTheLastStepWithoutItsCheckpoint) {
  Start(3);
  ASSERT_TRUE(DoSteps("a", 0, 4).ok());
  FinishEpochAt(4);
  WriteCheckpoints("a", 4);
  ASSERT_TRUE(DoSteps("a", 4, 8).ok());
  FinishEpochAt(8);
  ASSERT_TRUE(Hash(workers_[0], "a", 8).ok());
  Leave(ServerAt(1));
  EXPECT_EQ(Get("a").state(), RUNNING);
  EXPECT_EQ(Describe("a").epoch(), 1u);
  AllReady("a");
  FinishJob();
}

TEST_F(RollBackTest, WhatIsReportedOfTheTimeBeforeIsRefused) {
  Start(3);
  ASSERT_TRUE(DoSteps("a", 0, 4).ok());
  WriteCheckpoints("a", 4);
  ASSERT_TRUE(DoSteps("a", 4, 6).ok());
  const uint64_t kept = ServerAt(0);
  const uint64_t lost = ServerAt(1);
  ReportRequest steps = From(kept, "a");
  *steps.mutable_steps_done() = StepsOf(6, 7);
  ReportRequest file = From(kept, "a");
  file.mutable_checkpoint_written()->set_step(6);
  ReportRequest hash = From(workers_[0], "a");
  hash.mutable_parameters_hashed()->set_step(8);
  ReportRequest failed = From(kept, "a");
  failed.mutable_failed()->set_message("no room for the checkpoint of step 6");
  ReportRequest of_lost = From(lost, "a");
  of_lost.mutable_checkpoint_written()->set_step(6);
  // Its process goes on under another number, which no plan names.
  Leave(lost);
  const uint64_t again = Join(SERVER);
  AllReady("a");
  for (const ReportRequest& late : {steps, file, hash, failed}) {
    EXPECT_TRUE(absl::IsFailedPrecondition(Report(late)))
        << late.ShortDebugString();
  }
  EXPECT_TRUE(absl::IsNotFound(Report(of_lost)));
  of_lost.set_node(again);
  EXPECT_TRUE(absl::IsFailedPrecondition(Report(of_lost)));
  of_lost.set_incarnation(PlanOf("a").incarnation());
  EXPECT_TRUE(absl::IsFailedPrecondition(Report(of_lost)));
  // So no checkpoint has a file from before.
  ReportRequest fresh = From(ServerAt(1), "a");
  fresh.mutable_checkpoint_written()->set_step(6);
  ASSERT_TRUE(Report(fresh).ok());
  EXPECT_EQ(Describe("a").checkpoint_step(), 4u);
  FinishJob();
}

TEST_F(RollBackTest, ACheckpointWaitsForTheEpochsBeforeIt) {
  Start(3);
  ASSERT_TRUE(DoSteps("a", 0, 6).ok());
  WriteCheckpoints("a", 6);
  EXPECT_EQ(Describe("a").checkpoint_step(), 0u);
  FinishEpochAt(4);
  EXPECT_EQ(Describe("a").checkpoint_step(), 6u);
  Leave(ServerAt(0));
  EXPECT_EQ(Describe("a").epoch(), 1u);
  EXPECT_EQ(Get("a").progress().step(), 6u);
  AllReady("a");
  FinishJob();
}

TEST_F(RollBackTest, ACheckpointThatCannotBeReadIsPassedOver) {
  Start(3);
  ASSERT_TRUE(DoSteps("a", 0, 2).ok());
  WriteCheckpoints("a", 2);
  ASSERT_TRUE(DoSteps("a", 2, 3).ok());
  WriteCheckpoints("a", 3);
  Leave(ServerAt(1));
  EXPECT_EQ(PlanOf("a").restore().step(), 3u);
  const Plan damaged = PlanOf("a");
  ASSERT_TRUE(
      CannotRestore(ServerAt(0), "server-0.safetensors is damaged").ok());
  EXPECT_EQ(PlanOf("a").restore().step(), 2u);
  EXPECT_EQ(PlanOf("a").blocks_since(), PlanOf("a").incarnation());
  EXPECT_EQ(Describe("a").checkpoint_step(), 2u);
  EXPECT_THAT(LogOf("a"), HasSubstr("server-0.safetensors is damaged"));
  CheckReplay();
  // The other server says the same of the plan before.
  ReportRequest late = From(ServerAt(1), "a");
  late.set_incarnation(damaged.incarnation());
  late.mutable_failed()->set_cannot_restore(true);
  EXPECT_TRUE(absl::IsFailedPrecondition(Report(late)));
  ASSERT_TRUE(CannotRestore(ServerAt(1), "no such directory").ok());
  EXPECT_EQ(PlanOf("a").restore().step(), 0u);
  EXPECT_EQ(PlanOf("a").restore().directory(), "");
  EXPECT_EQ(Describe("a").checkpoint_step(), 0u);
  EXPECT_EQ(Get("a").state(), RUNNING);
  // Nothing is before the initial values.
  ASSERT_TRUE(CannotRestore(ServerAt(1), "from.model: gone").ok());
  EXPECT_EQ(Get("a").state(), FAILED);
  EXPECT_THAT(ReasonOf("a"), HasSubstr("from.model: gone"));
}

TEST_F(RollBackTest, AServerThatStartsOverTakesItsPlaceAgain) {
  const uint64_t other = JoinAt("there", SERVER);
  JoinAt("here", SERVER);
  workers_ = JoinAll(WORKER, 2);
  ASSERT_TRUE(Submit(Spec("a", 2, 2)).ok());
  StartJob("a");
  const uint64_t again = JoinAt("here", SERVER);
  EXPECT_EQ(Get("a").state(), RUNNING);
  EXPECT_EQ(ServerAt(0), other);
  EXPECT_EQ(ServerAt(1), again);
  EXPECT_THAT(LogOf("a"), HasSubstr("has started over"));
  AllReady("a");
  FinishJob();
}

TEST_F(RollBackTest, APausedJobIsRolledBackAndThenChanged) {
  Start(3);
  ASSERT_TRUE(DoSteps("a", 0, 4).ok());
  FinishEpochAt(4);
  WriteCheckpoints("a", 4);
  ASSERT_TRUE(DoSteps("a", 4, 5).ok());
  ChangeJobRequest request;
  request.set_name("a");
  request.set_mode(ASYNCHRONOUS);
  const auto change = state_.Change(request, now_);
  ASSERT_TRUE(change.ok()) << change.status();
  Commit(*change);
  Settle();
  EXPECT_TRUE(PlanOf("a").pause());
  Leave(ServerAt(1));
  EXPECT_TRUE(PlanOf("a").pause());
  EXPECT_EQ(PlanOf("a").restore().step(), 4u);
  const uint64_t blocks_since = PlanOf("a").blocks_since();
  for (const int place : {0, 1}) {
    ReportRequest ready = From(ServerAt(place), "a");
    ready.mutable_server_ready()->set_untouched_step(4);
    ASSERT_TRUE(Report(ready).ok());
  }
  EXPECT_FALSE(PlanOf("a").pause());
  EXPECT_EQ(PlanOf("a").blocks_since(), blocks_since);
  ASSERT_EQ(PlanOf("a").phases_size(), 2);
  EXPECT_EQ(PlanOf("a").phases(1).from_step(), 4u);
  AllReady("a");
  FinishJob();
}

}  // namespace
}  // namespace hawser
