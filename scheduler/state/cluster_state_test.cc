#include "scheduler/state/cluster_state.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "scheduler/state/cluster_state_test_support.h"

namespace hawser {
namespace {

using testing::HasSubstr;

TEST_F(ClusterStateTest, AJobFromItsSubmissionToItsEnd) {
  ASSERT_TRUE(Submit(Spec("a", 2, 2)).ok());
  EXPECT_EQ(Get("a").state(), QUEUED);
  const auto servers = JoinAll(SERVER, 2);
  const auto workers = JoinAll(WORKER, 2);
  // Workers open the data first; servers are not told yet.
  EXPECT_EQ(Get("a").state(), STARTING);
  EXPECT_EQ(PlanOf("a").total_steps(), 0u);
  EXPECT_EQ(OrdersOf(workers[0]).size(), 1u);
  EXPECT_TRUE(OrdersOf(servers[0]).empty());
  ASSERT_TRUE(LoadData(workers[0], "a").ok());
  EXPECT_EQ(PlanOf("a").total_steps(), 0u);
  ASSERT_TRUE(LoadData(workers[1], "a").ok());
  // Then servers prepare, and workers are held back.
  EXPECT_EQ(PlanOf("a").total_steps(), 8u);
  EXPECT_EQ(PlanOf("a").steps_per_epoch(), 4u);
  EXPECT_EQ(PlanOf("a").validation_bytes(), 640u);
  EXPECT_EQ(OrdersOf(servers[0]).size(), 1u);
  EXPECT_TRUE(OrdersOf(workers[0]).empty());
  ASSERT_TRUE(Ready(servers[0], "a").ok());
  EXPECT_TRUE(OrdersOf(workers[0]).empty());
  ASSERT_TRUE(Ready(servers[1], "a").ok());
  EXPECT_EQ(OrdersOf(workers[0]).size(), 1u);
  EXPECT_EQ(Get("a").state(), RUNNING);

  ASSERT_TRUE(DoSteps("a", 0, 4).ok());
  EXPECT_EQ(Get("a").progress().finished().size(), 0u);
  ASSERT_TRUE(Validate(workers[0], "a", 4, 0, 1).ok());
  ASSERT_TRUE(Validate(workers[1], "a", 4, 1, 2).ok());
  EXPECT_EQ(Get("a").progress().finished().size(), 1u);
  ASSERT_TRUE(DoSteps("a", 4, 8).ok());
  EXPECT_EQ(Get("a").state(), FINISHING);
  ASSERT_TRUE(Validate(workers[0], "a", 8, 0, 2).ok());
  WriteCheckpoints("a", 8);
  EXPECT_EQ(Get("a").state(), FINISHING);
  ASSERT_TRUE(Hash(workers[0], "a", 8).ok());
  EXPECT_EQ(Get("a").state(), SUCCEEDED);
  JobStatus status;
  Get("a").Describe(false, now_, &status);
  EXPECT_EQ(status.parameters_sha256(), "abc");
  EXPECT_EQ(status.output(), "/out/step-8");
  EXPECT_EQ(status.epoch(), 2u);
  EXPECT_TRUE(OrdersOf(workers[0]).empty());
  EXPECT_TRUE(OrdersOf(servers[0]).empty());
  EXPECT_TRUE(absl::IsFailedPrecondition(Hash(workers[0], "a", 8)));
  // The end is not forgotten either.
  ClusterState restored(absl::Seconds(5));
  for (const auto& event : journal_) restored.Apply(event);
  restored.Restarted(now_);
  JobStatus after;
  (*restored.FindJob("a"))->Describe(false, now_, &after);
  EXPECT_EQ(after.state(), SUCCEEDED);
  EXPECT_EQ(after.step(), 8u);
  EXPECT_EQ(after.parameters_sha256(), "abc");
}

TEST_F(ClusterStateTest, AJobWaitsForAllOfItsMembersAndSaysSo) {
  ASSERT_TRUE(Submit(Spec("a", 2, 1)).ok());
  Join(WORKER);
  JobStatus status;
  Get("a").Describe(false, now_, &status);
  EXPECT_EQ(status.state(), QUEUED);
  EXPECT_THAT(status.reason(),
              HasSubstr("needs 2 workers and 1 servers; 1 workers are idle"));
  Join(SERVER);
  EXPECT_EQ(Get("a").state(), QUEUED);
  Join(WORKER);
  EXPECT_EQ(Get("a").state(), STARTING);
}

TEST_F(ClusterStateTest, AWorkerServesOneJobAndServersServeMany) {
  const auto servers = JoinAll(SERVER, 2);
  JoinAll(WORKER, 3);
  ASSERT_TRUE(Submit(Spec("a", 2, 1)).ok());
  ASSERT_TRUE(Submit(Spec("b", 2, 1)).ok());
  StartJob("a");
  EXPECT_EQ(Get("b").state(), QUEUED);
  Join(WORKER);
  StartJob("b");
  // The emptier server was chosen.
  EXPECT_NE(PlanOf("a").servers(0).node(), PlanOf("b").servers(0).node());
  std::set<uint64_t> workers;
  for (const std::string job : {"a", "b"}) {
    for (const auto& worker : PlanOf(job).workers()) {
      EXPECT_TRUE(workers.insert(worker.node()).second);
    }
  }
}

TEST_F(ClusterStateTest, NamesAndSpecsAreChecked) {
  ASSERT_TRUE(Submit(Spec("a", 1, 1)).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(Submit(Spec("a", 1, 1))));
  EXPECT_TRUE(absl::IsInvalidArgument(Submit(Spec("B", 1, 1))));
  EXPECT_TRUE(absl::IsInvalidArgument(Submit(Spec("b", 1000000, 1))));
  EXPECT_TRUE(absl::IsNotFound(state_.FindJob("b").status()));
}

TEST_F(ClusterStateTest, CancelEndsAJobInAnyStateAndFreesItsMembers) {
  const auto cancel = [this](const std::string& name, JobState from) {
    EXPECT_EQ(Get(name).state(), from);
    Cancel(name);
    EXPECT_EQ(Get(name).state(), CANCELLED) << name;
    EXPECT_EQ(ReasonOf(name), "cancelled by a user");
    EXPECT_TRUE(absl::IsFailedPrecondition(state_.Cancel(name, now_).status()));
  };
  ASSERT_TRUE(Submit(Spec("queued", 1, 1)).ok());
  cancel("queued", QUEUED);
  // The same two members serve one job after the other.
  const uint64_t server = Join(SERVER);
  const uint64_t worker = Join(WORKER);
  ASSERT_TRUE(Submit(Spec("loading", 1, 1)).ok());
  cancel("loading", STARTING);
  ASSERT_TRUE(Submit(Spec("preparing", 1, 1)).ok());
  ASSERT_TRUE(LoadData(worker, "preparing").ok());
  EXPECT_EQ(OrdersOf(server).size(), 1u);
  cancel("preparing", STARTING);
  ASSERT_TRUE(Submit(Spec("running", 1, 1)).ok());
  StartJob("running");
  cancel("running", RUNNING);
  ASSERT_TRUE(Submit(Spec("finishing", 1, 1)).ok());
  StartJob("finishing");
  ASSERT_TRUE(DoSteps("finishing", 0, 8).ok());
  cancel("finishing", FINISHING);
  EXPECT_TRUE(OrdersOf(server).empty());
  EXPECT_TRUE(OrdersOf(worker).empty());
  ListNodesResponse nodes;
  state_.DescribeNodes(now_, &nodes);
  for (const auto& node : nodes.nodes()) EXPECT_EQ(node.job(), "");
  EXPECT_TRUE(absl::IsNotFound(state_.Cancel("none", now_).status()));
}

TEST_F(ClusterStateTest, OrdersChangeTheirVersionWhenTheyChangeAndOnlyThen) {
  const uint64_t server = Join(SERVER);
  const uint64_t worker = Join(WORKER);
  const auto version = [this](uint64_t node) {
    return state_.OrdersFor(node)->version();
  };
  const uint64_t nothing = version(worker);
  EXPECT_NE(nothing, 0u);  // what a member has that has never heard any
  EXPECT_EQ(version(server), nothing);
  ASSERT_TRUE(Submit(Spec("a", 2, 1)).ok());
  EXPECT_EQ(version(worker), nothing);  // it waits for another
  const uint64_t late = Join(WORKER);
  const uint64_t loads = version(worker);
  EXPECT_NE(loads, nothing);
  EXPECT_EQ(version(late), loads);
  EXPECT_EQ(version(server), nothing);
  StartJob("a");
  const uint64_t works = version(worker);
  EXPECT_NE(works, loads);
  EXPECT_EQ(version(server), works);
  // Progress is no order, nor is another's job.
  ASSERT_TRUE(DoSteps("a", 0, 4).ok());
  ASSERT_TRUE(Validate(worker, "a", 4, 0, 2).ok());
  PassWithout({}, absl::Seconds(4));
  ASSERT_TRUE(Submit(Spec("b", 1, 1)).ok());
  EXPECT_EQ(version(worker), works);
  EXPECT_EQ(version(server), works);
  Leave(late);
  EXPECT_EQ(version(worker), nothing);  // until the server is ready
  EXPECT_NE(version(server), works);
  ASSERT_TRUE(Ready(server, "a").ok());
  EXPECT_EQ(version(worker), version(server));
  Cancel("a");
  EXPECT_TRUE(absl::IsNotFound(state_.OrdersFor(late).status()));
}

TEST_F(ClusterStateTest, AWorkerIsToldItsOwnPlaceAndAServerAllOfThem) {
  const uint64_t server = Join(SERVER);
  const uint64_t first = Join(WORKER);
  const uint64_t second = Join(WORKER);
  ASSERT_TRUE(Submit(Spec("a", 2, 1)).ok());
  StartJob("a");
  const Plan all = state_.OrdersFor(server)->plans(0);
  ASSERT_EQ(all.workers_size(), 2);
  for (const uint64_t worker : {first, second}) {
    const Plan own = state_.OrdersFor(worker)->plans(0);
    ASSERT_EQ(own.workers_size(), 1);
    EXPECT_EQ(own.workers(0).node(), worker);
    EXPECT_EQ(own.workers(0).ShortDebugString(),
              all.workers(worker == first ? 0 : 1).ShortDebugString());
    EXPECT_EQ(own.blocks_size(), all.blocks_size());
    EXPECT_EQ(own.incarnation(), all.incarnation());
  }
}

TEST_F(ClusterStateTest, TheLogBeginsWithTheJobsAcceptance) {
  ASSERT_TRUE(Submit(Spec("a", 1, 1)).ok());
  GetJobLogResponse log;
  Get("a").log().Read(0, &log);
  ASSERT_EQ(log.lines_size(), 1);
  EXPECT_EQ(log.lines(0).text(), "accepted");
  EXPECT_EQ(log.lines(0).unix_ms(), absl::ToUnixMillis(now_));
}

TEST_F(ClusterStateTest, OfEndedJobsTheNewestAreKept) {
  state_ = ClusterState(kLease, /*keep_ended=*/2);
  ASSERT_TRUE(Submit(Spec("waits", 1, 1)).ok());
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(Submit(Spec(name, 1, 1)).ok());
    Cancel(name);
  }
  ASSERT_TRUE(Submit(Spec("next", 1, 1)).ok());
  std::vector<std::string> kept;
  for (const Job* job : state_.Jobs()) kept.push_back(job->name());
  EXPECT_THAT(kept, testing::ElementsAre("waits", "b", "c", "next"));
  EXPECT_TRUE(Submit(Spec("a", 1, 1)).ok());  // its name is free
}

TEST_F(ClusterStateTest, StepsAreToldByTheServerOfTheFirstBlockAlone) {
  const auto servers = JoinAll(SERVER, 2);
  const auto workers = JoinAll(WORKER, 1);
  ASSERT_TRUE(Submit(Spec("a", 1, 2)).ok());
  StartJob("a");
  const Plan plan = PlanOf("a");
  const uint64_t first =
      plan.servers(static_cast<int>(plan.blocks(0).server())).node();
  for (const uint64_t node : {servers[0], servers[1], workers[0]}) {
    ReportRequest report = From(node, "a");
    *report.mutable_steps_done() = StepsOf(0, 1);
    EXPECT_EQ(Report(report).ok(), node == first);
  }
  EXPECT_EQ(Get("a").progress().step(), 1u);
}

TEST_F(ClusterStateTest, AMemberThatNeverGetsReadyRunsIntoTheLimit) {
  JoinAll(SERVER, 1);
  JoinAll(WORKER, 1);
  JobSpec spec = Spec("a", 1, 1);
  spec.mutable_limits()->set_max_queue_seconds(3);
  ASSERT_TRUE(Submit(spec).ok());
  EXPECT_EQ(Get("a").state(), STARTING);
  PassWithout({}, absl::Seconds(3));
  EXPECT_EQ(Get("a").state(), FAILED);
}

TEST_F(ClusterStateTest, LimitsEndAJob) {
  JobSpec spec = Spec("waits", 1, 1);
  spec.mutable_limits()->set_max_queue_seconds(3);
  ASSERT_TRUE(Submit(spec).ok());
  EXPECT_EQ(state_.NextDeadline(), now_ + absl::Seconds(3));
  Pass(absl::Seconds(2.9));
  EXPECT_EQ(Get("waits").state(), QUEUED);
  Pass(absl::Seconds(0.1));
  EXPECT_EQ(Get("waits").state(), FAILED);
  EXPECT_THAT(ReasonOf("waits"), HasSubstr("limits.max_queue_seconds, 3"));
  JoinAll(SERVER, 1);
  JoinAll(WORKER, 1);
  spec = Spec("runs", 1, 1);
  spec.mutable_limits()->set_max_seconds(10);
  ASSERT_TRUE(Submit(spec).ok());
  // The time it takes to start is not counted.
  for (int i = 0; i < 5; ++i) PassWithout({}, absl::Seconds(4));
  StartJob("runs");
  PassWithout({}, absl::Seconds(4));
  PassWithout({}, absl::Seconds(4));
  EXPECT_EQ(Get("runs").state(), RUNNING);
  PassWithout({}, absl::Seconds(2));
  EXPECT_EQ(Get("runs").state(), FAILED);
  EXPECT_THAT(ReasonOf("runs"), HasSubstr("limits.max_seconds, 10"));
}

TEST_F(ClusterStateTest, ACheckpointIsCommittedWhenEveryServerHasWritten) {
  const auto servers = JoinAll(SERVER, 2);
  JoinAll(WORKER, 1);
  ASSERT_TRUE(Submit(Spec("a", 1, 2)).ok());
  StartJob("a");
  const auto write = [&](size_t server, uint64_t step) {
    ReportRequest report = From(servers[server], "a");
    CheckpointWritten* written = report.mutable_checkpoint_written();
    written->set_step(step);
    written->set_directory(absl::StrCat("/out/", step));
    written->set_file(absl::StrCat("server-", server));
    EXPECT_TRUE(Report(report).ok());
    return Describe("a").checkpoint_step();
  };
  EXPECT_EQ(write(0, 2), 0u);
  EXPECT_EQ(write(0, 2), 0u);  // twice is not two servers
  EXPECT_EQ(write(1, 2), 2u);
  ASSERT_TRUE(journal_.back().has_checkpoint_committed());
  const CheckpointCommitted committed = journal_.back().checkpoint_committed();
  EXPECT_EQ(committed.directory(), "/out/2");
  ASSERT_EQ(committed.files_size(), 2);
  EXPECT_EQ(committed.files(0).file(), "server-0");
  EXPECT_EQ(committed.files(1).file(), "server-1");
  const size_t events = journal_.size();
  EXPECT_EQ(write(0, 2), 2u);  // known
  // A slow server's older file does not take the output back.
  EXPECT_EQ(write(0, 3), 2u);
  EXPECT_EQ(write(0, 4), 2u);
  EXPECT_EQ(write(1, 4), 4u);
  EXPECT_EQ(write(1, 3), 4u);
  EXPECT_EQ(Describe("a").output(), "/out/4");
  EXPECT_EQ(journal_.size(), events + 1);
}

TEST_F(ClusterStateTest, AReplayRestoresWhatIsDurable) {
  JoinAll(SERVER, 1);
  const auto workers = JoinAll(WORKER, 1);
  ASSERT_TRUE(Submit(Spec("a", 1, 1)).ok());
  StartJob("a");
  ASSERT_TRUE(DoSteps("a", 0, 4).ok());
  ASSERT_TRUE(Validate(workers[0], "a", 4, 0, 2).ok());
  WriteCheckpoints("a", 4);
  ASSERT_TRUE(Submit(Spec("b", 1, 1)).ok());
  ASSERT_TRUE(Submit(Spec("c", 1, 1)).ok());
  Cancel("c");

  ClusterState restored(absl::Seconds(5));
  for (const auto& event : journal_) restored.Apply(event);
  ASSERT_EQ(restored.Jobs().size(), 3u);
  for (const std::string name : {"a", "b", "c"}) {
    JobStatus after;
    (*restored.FindJob(name))->Describe(true, now_, &after);
    std::string difference;
    google::protobuf::util::MessageDifferencer differencer;
    differencer.ReportDifferencesToString(&difference);
    EXPECT_TRUE(
        differencer.Compare(DurablePart(Describe(name)), DurablePart(after)))
        << difference;
  }
  JobStatus after;
  (*restored.FindJob("a"))->Describe(true, now_, &after);
  EXPECT_EQ(after.checkpoint_step(), 4u);
  EXPECT_EQ(after.epochs_done_size(), 1);
  EXPECT_EQ(after.step(), 4u);  // of the epoch that is recorded
  EXPECT_EQ((*restored.FindJob("b"))->state(), QUEUED);
  EXPECT_EQ((*restored.FindJob("c"))->state(), CANCELLED);

  // A restart keeps what ran and what waited, and reuses no number.
  const uint64_t highest = Join(WORKER);
  restored.Restarted(now_);
  EXPECT_EQ((*restored.FindJob("a"))->state(), RUNNING);
  EXPECT_EQ((*restored.FindJob("b"))->state(), QUEUED);
  for (const auto& event : restored.Decide(now_)) restored.Apply(event);
  RegisterRequest request;
  request.set_role(WORKER);
  EXPECT_GT(*restored.Register(request, now_), highest);
}

TEST_F(ClusterStateTest, ARestartReusesNoNumberWhereverItCutsTheJournal) {
  struct Given {
    size_t events;     // that were durable when
    uint64_t highest;  // was the highest number anybody had been told
  };
  std::vector<Given> given;
  JoinAll(SERVER, 2);
  for (int round = 0; round < 700; ++round) {  // past what is reserved at once
    const uint64_t worker = Join(WORKER);
    given.push_back({journal_.size(), worker});
    if (round % 100 == 0) {
      const std::string name = absl::StrCat("job-", round);
      ASSERT_TRUE(Submit(Spec(name, 1, 2)).ok());
      given.push_back({journal_.size(), Get(name).id()});
      if (Get(name).plan().has_value()) {
        given.push_back({journal_.size(), PlanOf(name).incarnation()});
      }
    } else {
      Leave(worker);
    }
  }
  ASSERT_GT(given.back().highest, 700u);
  for (const Given& at : given) {
    ClusterState restored(absl::Seconds(5));
    for (size_t i = 0; i < at.events; ++i) restored.Apply(journal_[i]);
    restored.Restarted(now_);
    for (const auto& event : restored.Decide(now_)) restored.Apply(event);
    RegisterRequest request;
    request.set_role(WORKER);
    const auto node = restored.Register(request, now_);
    ASSERT_TRUE(node.ok()) << node.status();
    ASSERT_GT(*node, at.highest);
    const auto accepted = restored.Submit(Spec("new", 1, 1), now_);
    ASSERT_TRUE(accepted.ok());
    ASSERT_GT(accepted->at(0).job_accepted().job(), *node);
  }
}

TEST_F(ClusterStateTest, ValidationBeforeTheFirstStepIsKept) {
  JoinAll(SERVER, 1);
  JoinAll(WORKER, 1);
  JobSpec spec = Spec("tuned", 1, 1);
  spec.mutable_from()->set_checkpoint("base");
  ASSERT_TRUE(Submit(spec).ok());
  StartJob("tuned");
  const uint64_t worker = PlanOf("tuned").workers(0).node();
  ASSERT_TRUE(Validate(worker, "tuned", 0, 0, 1).ok());
  EXPECT_FALSE(Describe("tuned").has_validation_before());
  ASSERT_TRUE(Validate(worker, "tuned", 0, 1, 2).ok());
  EXPECT_EQ(Describe("tuned").validation_before().samples(), 10u);
  EXPECT_EQ(Describe("tuned").epoch(), 0u);
  ASSERT_TRUE(DoSteps("tuned", 0, 8).ok());
  ASSERT_TRUE(Validate(worker, "tuned", 4, 0, 2).ok());
  ASSERT_TRUE(Validate(worker, "tuned", 8, 0, 2).ok());
  EXPECT_EQ(Describe("tuned").epoch(), 2u);
  EXPECT_EQ(Describe("tuned").validation_before().samples(), 10u);
  ClusterState restored(absl::Seconds(5));
  for (const JournalEvent& event : journal_) restored.Apply(event);
  JobStatus status;
  (*restored.FindJob("tuned"))->Describe(false, now_, &status);
  EXPECT_EQ(status.validation_before().samples(), 10u);
}

TEST_F(ClusterStateTest, ACancelThatWasAcceptedOutlivesARestart) {
  JoinAll(SERVER, 1);
  JoinAll(WORKER, 1);
  ASSERT_TRUE(Submit(Spec("ran", 1, 1)).ok());
  ASSERT_TRUE(Submit(Spec("waited", 1, 1)).ok());
  EXPECT_EQ(Get("ran").state(), STARTING);
  // The scheduler dies before it writes the ends.
  Commit(*state_.Cancel("ran", now_));
  Commit(*state_.Cancel("waited", now_));
  ClusterState restored(absl::Seconds(5));
  for (const auto& event : journal_) restored.Apply(event);
  restored.Restarted(now_);
  for (auto due = restored.Decide(now_); !due.empty();
       due = restored.Decide(now_)) {
    for (const auto& event : due) restored.Apply(event);
  }
  EXPECT_EQ((*restored.FindJob("ran"))->state(), CANCELLED);
  EXPECT_EQ((*restored.FindJob("waited"))->state(), CANCELLED);
}

TEST_F(ClusterStateTest, NoNumberIsGivenBeforeItIsDurable) {
  ClusterState fresh(absl::Seconds(5));
  RegisterRequest request;
  request.set_role(WORKER);
  EXPECT_TRUE(absl::IsUnavailable(fresh.Register(request, now_).status()));
}

}  // namespace
}  // namespace hawser
