// How a job is synchronised changes while it waits, starts, runs and ends.
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "scheduler/state/cluster_state_test_support.h"

namespace hawser {
namespace {

using testing::HasSubstr;

class ChangeTest : public ClusterStateTest {
 protected:
  absl::Status Set(const std::string& job, const std::string& settings) {
    ChangeJobRequest request;
    EXPECT_TRUE(
        google::protobuf::TextFormat::ParseFromString(settings, &request));
    request.set_name(job);
    const auto event = state_.Change(request, now_);
    if (!event.ok()) return event.status();
    Commit(*event);
    Settle();
    return absl::OkStatus();
  }
  absl::Status ReadyAt(uint64_t server, uint64_t untouched_step) {
    ReportRequest report = From(server, "a");
    report.mutable_server_ready()->set_untouched_step(untouched_step);
    return Report(report);
  }
  // A running job "a" of two servers and two workers: 8 steps.
  void Start() {
    servers_ = JoinAll(SERVER, 2);
    workers_ = JoinAll(WORKER, 2);
    ASSERT_TRUE(Submit(Spec("a", 2, 2)).ok());
    StartJob("a");
  }
  const Phase& LastPhase() {
    return PlanOf("a").phases(PlanOf("a").phases_size() - 1);
  }

  std::vector<uint64_t> servers_;
  std::vector<uint64_t> workers_;
};

TEST_F(ChangeTest, PausesAndGoesOnAfterAllThatWasTouched) {
  Start();
  ASSERT_TRUE(DoSteps("a", 0, 3).ok());
  const uint64_t before = PlanOf("a").incarnation();
  ASSERT_TRUE(Set("a", "mode: ASYNCHRONOUS").ok());
  EXPECT_TRUE(PlanOf("a").pause());
  EXPECT_GT(PlanOf("a").incarnation(), before);
  EXPECT_EQ(PlanOf("a").phases_size(), 1);
  for (const uint64_t worker : workers_) {
    EXPECT_TRUE(OrdersOf(worker).empty());
  }
  EXPECT_EQ(OrdersOf(servers_[0]).size(), 1u);
  ASSERT_TRUE(ReadyAt(servers_[0], 4).ok());
  EXPECT_TRUE(PlanOf("a").pause());
  ASSERT_TRUE(ReadyAt(servers_[1], 5).ok());
  EXPECT_FALSE(PlanOf("a").pause());
  ASSERT_EQ(PlanOf("a").phases_size(), 2);
  EXPECT_EQ(LastPhase().from_step(), 5u);
  EXPECT_EQ(LastPhase().synchronisation().mode(), ASYNCHRONOUS);
  EXPECT_TRUE(OrdersOf(workers_[0]).empty());  // servers first
  AllReady("a");
  EXPECT_EQ(OrdersOf(workers_[0]).size(), 1u);
  EXPECT_EQ(Get("a").state(), RUNNING);
  EXPECT_FALSE(Get("a").change().has_value());
}

TEST_F(ChangeTest, ChangesTheNumberOfStepsToCome) {
  Start();
  EXPECT_EQ(PlanOf("a").total_steps(), 8u);
  ASSERT_TRUE(Set("a", "local_steps: 2").ok());
  ASSERT_TRUE(ReadyAt(servers_[0], 2).ok());
  ASSERT_TRUE(ReadyAt(servers_[1], 2).ok());
  // 2 of 1 optimizer step, 1 of 2 up to the epoch's end, 2 of 2.
  EXPECT_EQ(PlanOf("a").total_steps(), 5u);
  EXPECT_EQ(LastPhase().synchronisation().outer().learning_rate(), 1);
  AllReady("a");
  ASSERT_TRUE(DoSteps("a", 0, 5).ok());
  EXPECT_EQ(Get("a").state(), FINISHING);
  ASSERT_TRUE(Validate(workers_[0], "a", 3, 0, 2).ok());
  ASSERT_TRUE(Validate(workers_[0], "a", 5, 0, 2).ok());
  WriteCheckpoints("a", 5);
  ASSERT_TRUE(Hash(workers_[0], "a", 5).ok());
  EXPECT_EQ(Get("a").state(), SUCCEEDED);
}

TEST_F(ChangeTest, TheLastOfTwoInQuickSuccessionHolds) {
  Start();
  ASSERT_TRUE(Set("a", "mode: ASYNCHRONOUS scale_by_staleness: true").ok());
  const uint64_t pause = PlanOf("a").incarnation();
  ASSERT_TRUE(Set("a", "mode: BOUNDED_STALENESS staleness: 3").ok());
  EXPECT_EQ(PlanOf("a").incarnation(), pause);  // paused already
  ASSERT_TRUE(ReadyAt(servers_[0], 2).ok());
  ASSERT_TRUE(ReadyAt(servers_[1], 2).ok());
  ASSERT_EQ(PlanOf("a").phases_size(), 2);
  const SynchronisationSpec& spec = LastPhase().synchronisation();
  EXPECT_EQ(spec.mode(), BOUNDED_STALENESS);
  EXPECT_EQ(spec.staleness(), 3u);
  EXPECT_TRUE(spec.scale_by_staleness());  // of the first, which is kept
}

TEST_F(ChangeTest, APhaseThatHasNotBegunMakesWay) {
  Start();
  ASSERT_TRUE(Set("a", "mode: ASYNCHRONOUS").ok());
  ASSERT_TRUE(ReadyAt(servers_[0], 3).ok());
  ASSERT_TRUE(ReadyAt(servers_[1], 3).ok());
  AllReady("a");
  ASSERT_TRUE(Set("a", "mode: SYNCHRONOUS local_steps: 2").ok());
  ASSERT_TRUE(ReadyAt(servers_[0], 3).ok());
  ASSERT_TRUE(ReadyAt(servers_[1], 2).ok());
  ASSERT_EQ(PlanOf("a").phases_size(), 2);
  EXPECT_EQ(LastPhase().from_step(), 3u);
  EXPECT_EQ(LastPhase().synchronisation().mode(), SYNCHRONOUS);
  AllReady("a");
  // One that has begun stays.
  ASSERT_TRUE(Set("a", "local_steps: 1").ok());
  ASSERT_TRUE(ReadyAt(servers_[0], 4).ok());
  ASSERT_TRUE(ReadyAt(servers_[1], 4).ok());
  EXPECT_EQ(PlanOf("a").phases_size(), 3);
}

TEST_F(ChangeTest, AWorkerIsLostWhileItPauses) {
  Start();
  ASSERT_TRUE(Set("a", "mode: ASYNCHRONOUS").ok());
  ASSERT_TRUE(ReadyAt(servers_[0], 2).ok());
  const ReportRequest stale = [&] {
    ReportRequest report = From(servers_[1], "a");
    report.mutable_server_ready()->set_untouched_step(7);
    return report;
  }();
  Leave(workers_[0]);
  EXPECT_TRUE(PlanOf("a").pause());
  EXPECT_EQ(PlanOf("a").workers_size(), 1);
  EXPECT_TRUE(absl::IsFailedPrecondition(Report(stale)));
  EXPECT_TRUE(OrdersOf(workers_[1]).empty());
  ASSERT_TRUE(ReadyAt(servers_[0], 2).ok());
  Leave(workers_[1]);  // and nobody is left
  EXPECT_TRUE(PlanOf("a").pause());
  ASSERT_TRUE(ReadyAt(servers_[0], 2).ok());
  ASSERT_TRUE(ReadyAt(servers_[1], 2).ok());
  EXPECT_FALSE(PlanOf("a").pause());
  EXPECT_EQ(LastPhase().from_step(), 2u);
  EXPECT_EQ(PlanOf("a").workers_size(), 0);
  const uint64_t late = Join(WORKER);
  AllReady("a");
  EXPECT_EQ(OrdersOf(late).size(), 1u);
  EXPECT_EQ(PlanOf("a").phases_size(), 2);
}

TEST_F(ChangeTest, AWorkerThatJoinsWhileItPausesWaitsToo) {
  Start();
  Leave(workers_[0]);
  AllReady("a");
  ASSERT_TRUE(Set("a", "mode: ASYNCHRONOUS").ok());
  const uint64_t late = Join(WORKER);
  EXPECT_TRUE(PlanOf("a").pause());
  EXPECT_EQ(PlanOf("a").workers_size(), 2);
  EXPECT_TRUE(OrdersOf(late).empty());
  ASSERT_TRUE(ReadyAt(servers_[0], 1).ok());
  ASSERT_TRUE(ReadyAt(servers_[1], 1).ok());
  AllReady("a");
  EXPECT_EQ(OrdersOf(late).size(), 1u);
}

TEST_F(ChangeTest, APausedJobIsCancelledOrFailsAsAnyOther) {
  Start();
  ASSERT_TRUE(Set("a", "mode: ASYNCHRONOUS").ok());
  Cancel("a");
  EXPECT_EQ(Get("a").state(), CANCELLED);
  EXPECT_TRUE(absl::IsFailedPrecondition(Set("a", "mode: SYNCHRONOUS")));
  for (const uint64_t worker : JoinAll(WORKER, 1)) {
    EXPECT_TRUE(OrdersOf(worker).empty());
  }
  ASSERT_TRUE(Submit(Spec("b", 2, 2)).ok());
  StartJob("b");
  ASSERT_TRUE(Set("b", "mode: ASYNCHRONOUS").ok());
  ASSERT_TRUE(Fail(servers_[1], "b", "disk full", /*permanent=*/true).ok());
  EXPECT_EQ(Get("b").state(), FAILED);
}

TEST_F(ChangeTest, BeforeTheFirstStepItIsTheFirstPhase) {
  ASSERT_TRUE(Submit(Spec("a", 1, 1)).ok());
  ASSERT_TRUE(Set("a", "mode: ASYNCHRONOUS").ok());
  EXPECT_EQ(Get("a").state(), QUEUED);
  EXPECT_EQ(Describe("a").spec().synchronisation().mode(), ASYNCHRONOUS);
  const auto servers = JoinAll(SERVER, 1);
  const auto workers = JoinAll(WORKER, 1);
  EXPECT_EQ(Get("a").state(), STARTING);
  ASSERT_TRUE(Set("a", "local_steps: 2").ok());
  EXPECT_FALSE(PlanOf("a").pause());
  ASSERT_TRUE(LoadData(workers[0], "a").ok());
  ASSERT_EQ(PlanOf("a").phases_size(), 1);
  EXPECT_EQ(LastPhase().synchronisation().mode(), ASYNCHRONOUS);
  EXPECT_EQ(PlanOf("a").total_steps(), 4u);
  EXPECT_FALSE(Get("a").change().has_value());
  // Servers prepare: nothing has been touched.
  ASSERT_TRUE(Set("a", "mode: SYNCHRONOUS local_steps: 1").ok());
  EXPECT_TRUE(PlanOf("a").pause());
  AllReady("a");
  EXPECT_FALSE(PlanOf("a").pause());
  EXPECT_EQ(LastPhase().from_step(), 0u);
  EXPECT_EQ(PlanOf("a").total_steps(), 8u);
  AllReady("a");
  EXPECT_EQ(OrdersOf(workers[0]).size(), 1u);
}

TEST_F(ChangeTest, NearTheEndItChangesNothing) {
  Start();
  ASSERT_TRUE(DoSteps("a", 0, 7).ok());
  // The servers are further than they have told.
  ASSERT_TRUE(Set("a", "mode: ASYNCHRONOUS local_steps: 4").ok());
  ASSERT_TRUE(ReadyAt(servers_[0], 9).ok());
  ASSERT_TRUE(ReadyAt(servers_[1], 9).ok());
  EXPECT_FALSE(PlanOf("a").pause());
  EXPECT_EQ(PlanOf("a").total_steps(), 8u);
  AllReady("a");
  ASSERT_TRUE(DoSteps("a", 7, 8).ok());
  EXPECT_EQ(Get("a").state(), FINISHING);
  EXPECT_TRUE(absl::IsFailedPrecondition(Set("a", "mode: SYNCHRONOUS")));
  ASSERT_TRUE(Validate(workers_[0], "a", 4, 0, 2).ok());
  ASSERT_TRUE(Validate(workers_[0], "a", 8, 0, 2).ok());
  WriteCheckpoints("a", 8);
  ASSERT_TRUE(Hash(workers_[0], "a", 8).ok());
  EXPECT_EQ(Get("a").state(), SUCCEEDED);
}

TEST_F(ChangeTest, IsRefusedWithWhatIsWrong) {
  Start();
  EXPECT_TRUE(absl::IsNotFound(Set("b", "mode: ASYNCHRONOUS")));
  const auto refused = [&](const std::string& settings) {
    const absl::Status status = Set("a", settings);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << settings << ": " << status;
    return std::string(status.message());
  };
  EXPECT_THAT(refused("staleness: 2"), HasSubstr("BOUNDED_STALENESS"));
  EXPECT_THAT(refused("mode: BOUNDED_STALENESS staleness: 2 "
                      "staleness_seconds: 1"),
              HasSubstr("use one"));
  EXPECT_THAT(refused("scale_by_staleness: true"),
              HasSubstr("scale_by_staleness"));
  EXPECT_THAT(refused("local_steps: 100000"), HasSubstr("65536"));
  EXPECT_THAT(refused("mode: BOUNDED_STALENESS staleness_seconds: nan"),
              HasSubstr("nan"));
  EXPECT_FALSE(PlanOf("a").pause());
  EXPECT_EQ(PlanOf("a").phases_size(), 1);
}

TEST_F(ChangeTest, HasALimit) {
  JoinAll(WORKER, 1);
  const uint64_t server = Join(SERVER);
  JobSpec spec = Spec("a", 1, 1);
  spec.mutable_schedule()->set_epochs(10000);
  ASSERT_TRUE(Submit(spec).ok());
  StartJob("a");
  for (uint64_t step = 1; step < Job::kMaxPhases; ++step) {
    ASSERT_TRUE(Set("a", "mode: ASYNCHRONOUS").ok());
    ASSERT_TRUE(ReadyAt(server, step).ok());
  }
  EXPECT_EQ(PlanOf("a").phases_size(), Job::kMaxPhases);
  EXPECT_TRUE(absl::IsResourceExhausted(Set("a", "mode: ASYNCHRONOUS")));
  AllReady("a");
  EXPECT_EQ(Get("a").state(), RUNNING);
}

// A bound goes with its mode.
TEST_F(ChangeTest, WhatTheNewModeDoesNotHaveIsDropped) {
  ASSERT_TRUE(Submit(Spec("a", 1, 1)).ok());
  const auto now = [&] { return Get("a").synchronisation(); };
  ASSERT_TRUE(Set("a",
                  "mode: BOUNDED_STALENESS staleness: 2 "
                  "scale_by_staleness: true")
                  .ok());
  ASSERT_TRUE(Set("a", "staleness_seconds: 0.5").ok());
  EXPECT_EQ(now().staleness(), 0u);
  EXPECT_EQ(now().staleness_seconds(), 0.5);
  ASSERT_TRUE(Set("a", "mode: ASYNCHRONOUS").ok());
  EXPECT_EQ(now().staleness_seconds(), 0);
  EXPECT_TRUE(now().scale_by_staleness());
  ASSERT_TRUE(Set("a", "mode: SYNCHRONOUS").ok());
  EXPECT_FALSE(now().scale_by_staleness());
}

TEST_F(ChangeTest, AChangeThatWasAcceptedOutlivesARestart) {
  ASSERT_TRUE(Submit(Spec("a", 1, 1)).ok());
  ASSERT_TRUE(Set("a", "mode: BOUNDED_STALENESS staleness: 4").ok());
  ClusterState again(absl::Seconds(5));
  for (const JournalEvent& event : journal_) again.Apply(event);
  again.Restarted(now_);
  const auto job = again.FindJob("a");
  ASSERT_TRUE(job.ok());
  EXPECT_EQ((*job)->state(), QUEUED);
  EXPECT_EQ((*job)->synchronisation().staleness(), 4u);
}

// What a journal tells of a job that was paused and went on.
TEST_F(ChangeTest, AReplayKnowsThePhases) {
  Start();
  ASSERT_TRUE(Set("a", "mode: ASYNCHRONOUS local_steps: 2").ok());
  ClusterState paused(absl::Seconds(5));
  for (const JournalEvent& event : journal_) paused.Apply(event);
  EXPECT_TRUE((*paused.FindJob("a"))->plan()->pause());
  EXPECT_TRUE((*paused.FindJob("a"))->change().has_value());
  ASSERT_TRUE(ReadyAt(servers_[0], 2).ok());
  ASSERT_TRUE(ReadyAt(servers_[1], 2).ok());
  ClusterState again(absl::Seconds(5));
  for (const JournalEvent& event : journal_) again.Apply(event);
  EXPECT_EQ((*again.FindJob("a"))->plan()->SerializeAsString(),
            PlanOf("a").SerializeAsString());
  EXPECT_FALSE((*again.FindJob("a"))->change().has_value());
}

}  // namespace
}  // namespace hawser
