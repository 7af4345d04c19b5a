// The scheduler's whole state driven by hand: made-up time, made-up members,
// and a journal that is a vector.
#include "scheduler/state/cluster_state.h"

#include <random>
#include <set>

#include "common/metrics_proto.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::HasSubstr;

JobSpec Spec(const std::string& name, uint32_t workers, uint32_t servers) {
  JobSpec spec;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(
        model { mlp { layer_sizes: [ 4, 300, 3 ] } }
        data { idx {} }
        optimizer { adam {} }
        learning_rate { base: 0.1 }
        schedule { epochs: 2 global_batch: 16 micro_batches: 8 }
        placement { block_elements: 256 }
      )pb",
      &spec));
  spec.set_name(name);
  spec.mutable_resources()->set_workers(workers);
  spec.mutable_resources()->set_servers(servers);
  return spec;
}

class ClusterStateTest : public testing::Test {
 protected:
  ClusterStateTest() : state_(absl::Seconds(5)) { Settle(); }

  // Writes, applies, decides again, as the driver does.
  void Settle() {
    for (int round = 0; round < 100; ++round) {
      const auto due = state_.Decide(now_);
      if (due.empty()) return;
      for (const auto& event : due) Commit(event);
    }
    FAIL() << "does not settle";
  }
  void Commit(const JournalEvent& event) {
    JournalEvent read;  // as it comes back from a journal
    ASSERT_TRUE(read.ParseFromString(event.SerializeAsString()));
    journal_.push_back(read);
    state_.Apply(read);
  }
  absl::Status Submit(const JobSpec& spec) {
    const auto event = state_.Submit(spec, now_);
    if (!event.ok()) return event.status();
    Commit(*event);
    Settle();
    return absl::OkStatus();
  }
  uint64_t Join(Role role) {
    RegisterRequest request;
    request.set_role(role);
    request.set_address("address");
    const auto node = state_.Register(request, now_);
    EXPECT_TRUE(node.ok()) << node.status();
    Settle();
    return *node;
  }
  std::vector<uint64_t> JoinAll(Role role, int count) {
    std::vector<uint64_t> nodes;
    for (int i = 0; i < count; ++i) nodes.push_back(Join(role));
    return nodes;
  }
  void Pass(absl::Duration time) {
    now_ += time;
    state_.Tick(now_);
    Settle();
  }
  // Everybody but `silent` renews, then time passes.
  void PassWithout(const std::set<uint64_t>& silent, absl::Duration time) {
    ListNodesResponse nodes;
    now_ += time;
    state_.DescribeNodes(now_, &nodes);
    for (const auto& node : nodes.nodes()) {
      if (silent.count(node.node()) == 0) {
        EXPECT_TRUE(state_.Renew(node.node(), now_).ok());
      }
    }
    Pass(absl::ZeroDuration());
  }
  const Job& Get(const std::string& name) {
    const auto job = state_.FindJob(name);
    EXPECT_TRUE(job.ok());
    return **job;
  }
  const Plan& PlanOf(const std::string& name) { return *Get(name).plan(); }

  ReportRequest From(uint64_t node, const std::string& job) {
    ReportRequest report;
    report.set_node(node);
    report.set_job(Get(job).id());
    report.set_incarnation(PlanOf(job).incarnation());
    return report;
  }
  absl::Status Report(const ReportRequest& report) {
    const absl::Status status = state_.Report(report, now_);
    Settle();
    return status;
  }
  absl::Status LoadData(uint64_t node, const std::string& job,
                        uint64_t training = 64, uint64_t validation = 10) {
    ReportRequest report = From(node, job);
    report.mutable_data_loaded()->set_training_samples(training);
    report.mutable_data_loaded()->set_validation_samples(validation);
    return Report(report);
  }
  absl::Status Ready(uint64_t node, const std::string& job) {
    ReportRequest report = From(node, job);
    report.mutable_server_ready();
    return Report(report);
  }
  void AllReady(const std::string& job) {
    const Plan plan = PlanOf(job);
    for (const auto& server : plan.servers()) {
      EXPECT_TRUE(Ready(server.node(), job).ok());
    }
  }
  // To RUNNING: 4 steps an epoch, 8 in all.
  void StartJob(const std::string& name) {
    const Plan plan = PlanOf(name);
    for (const auto& worker : plan.workers()) {
      EXPECT_TRUE(LoadData(worker.node(), name).ok());
    }
    AllReady(name);
    EXPECT_EQ(Get(name).state(), RUNNING);
  }
  absl::Status DoSteps(const std::string& job, uint64_t first, uint64_t last) {
    ReportRequest report = From(PlanOf(job).servers(0).node(), job);
    report.mutable_steps_done()->set_first_step(first);
    report.mutable_steps_done()->set_step(last);
    for (uint64_t s = first; s < last; ++s) {
      *report.mutable_steps_done()->add_per_step() = ToProto({100, 8, 16});
    }
    return Report(report);
  }
  absl::Status Validate(uint64_t node, const std::string& job, uint64_t step,
                        uint32_t first, uint32_t last) {
    ReportRequest report = From(node, job);
    ValidationDone* done = report.mutable_validation_done();
    done->set_step(step);
    done->set_first_chunk(first);
    done->set_last_chunk(last);
    done->set_total_chunks(2);
    *done->mutable_metrics() = ToProto({10, 3, 5 * (last - first)});
    return Report(report);
  }
  void WriteCheckpoints(const std::string& job, uint64_t step) {
    const Plan plan = PlanOf(job);
    for (const auto& server : plan.servers()) {
      ReportRequest report = From(server.node(), job);
      report.mutable_checkpoint_written()->set_step(step);
      report.mutable_checkpoint_written()->set_directory("/out/step");
      EXPECT_TRUE(Report(report).ok());
    }
  }
  // What an orders' reader sees: (job, incarnation) of its plans.
  std::vector<uint64_t> OrdersOf(uint64_t node) {
    std::vector<uint64_t> incarnations;
    const auto orders = state_.OrdersFor(node);
    EXPECT_TRUE(orders.ok());
    for (const Plan& plan : orders->plans()) {
      incarnations.push_back(plan.incarnation());
    }
    return incarnations;
  }

  absl::Time now_ = absl::FromUnixSeconds(1000);
  ClusterState state_;
  std::vector<JournalEvent> journal_;
};

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
  ReportRequest hash = From(workers[0], "a");
  hash.mutable_parameters_hashed()->set_step(8);
  hash.mutable_parameters_hashed()->set_sha256("abc");
  ASSERT_TRUE(Report(hash).ok());
  EXPECT_EQ(Get("a").state(), SUCCEEDED);
  JobStatus status;
  Get("a").Describe(false, now_, &status);
  EXPECT_EQ(status.parameters_sha256(), "abc");
  EXPECT_EQ(status.output(), "/out/step");
  EXPECT_EQ(status.epoch(), 2u);
  EXPECT_TRUE(OrdersOf(workers[0]).empty());
  EXPECT_TRUE(OrdersOf(servers[0]).empty());
  EXPECT_FALSE(Report(hash).ok());  // it has ended
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

TEST_F(ClusterStateTest, CancelEndsAJobInAnyState) {
  for (const std::string when : {"queued", "starting", "running"}) {
    ASSERT_TRUE(Submit(Spec(when, 1, 1)).ok());
    if (when != "queued") JoinAll(WORKER, 1);
    if (when == "starting") JoinAll(SERVER, 1);
    if (when == "running") StartJob(when);
    const auto cancel = state_.Cancel(when, now_);
    ASSERT_TRUE(cancel.ok());
    Commit(*cancel);
    Settle();
    EXPECT_EQ(Get(when).state(), CANCELLED) << when;
    EXPECT_TRUE(absl::IsFailedPrecondition(state_.Cancel(when, now_).status()));
  }
  EXPECT_TRUE(absl::IsNotFound(state_.Cancel("none", now_).status()));
}

TEST_F(ClusterStateTest, WorkersWithDifferentDataFailTheJob) {
  JoinAll(SERVER, 1);
  const auto workers = JoinAll(WORKER, 2);
  ASSERT_TRUE(Submit(Spec("a", 2, 1)).ok());
  ASSERT_TRUE(LoadData(workers[0], "a", 64).ok());
  ASSERT_TRUE(LoadData(workers[1], "a", 65).ok());
  EXPECT_EQ(Get("a").state(), FAILED);
  JobStatus status;
  Get("a").Describe(false, now_, &status);
  EXPECT_THAT(status.reason(), HasSubstr("different data"));
}

TEST_F(ClusterStateTest, ALostWorkerMeansANewIncarnationWithoutIt) {
  const auto servers = JoinAll(SERVER, 1);
  const auto workers = JoinAll(WORKER, 2);
  ASSERT_TRUE(Submit(Spec("a", 2, 1)).ok());
  StartJob("a");
  ASSERT_TRUE(DoSteps("a", 0, 3).ok());
  const ReportRequest stale_steps = [&] {
    ReportRequest report = From(servers[0], "a");
    report.mutable_steps_done()->set_first_step(3);
    report.mutable_steps_done()->set_step(4);
    *report.mutable_steps_done()->add_per_step() = ToProto({1, 1, 16});
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

TEST_F(ClusterStateTest, AJobWithoutWorkersWaitsForOne) {
  const auto servers = JoinAll(SERVER, 1);
  const auto workers = JoinAll(WORKER, 1);
  ASSERT_TRUE(Submit(Spec("a", 1, 1)).ok());
  StartJob("a");
  state_.Deregister(workers[0], now_);
  Settle();
  EXPECT_EQ(PlanOf("a").workers_size(), 0);
  JobStatus status;
  Get("a").Describe(false, now_, &status);
  EXPECT_EQ(status.state(), RUNNING);
  EXPECT_EQ(status.reason(), "waits for a worker");
  const uint64_t late = Join(WORKER);
  EXPECT_EQ(PlanOf("a").workers(0).node(), late);
}

TEST_F(ClusterStateTest, ALostServerFailsTheJobItHeldBlocksOf) {
  const auto servers = JoinAll(SERVER, 2);
  JoinAll(WORKER, 1);
  ASSERT_TRUE(Submit(Spec("a", 1, 2)).ok());
  StartJob("a");
  state_.Deregister(servers[1], now_);
  Settle();
  EXPECT_EQ(Get("a").state(), FAILED);
}

TEST_F(ClusterStateTest, AWorkerThatCannotIsReplacedOneThatMustNotEndsTheJob) {
  JoinAll(SERVER, 1);
  const auto workers = JoinAll(WORKER, 2);
  ASSERT_TRUE(Submit(Spec("a", 1, 1)).ok());
  const uint64_t first = PlanOf("a").workers(0).node();
  ReportRequest report = From(first, "a");
  report.mutable_failed()->set_message("out of memory");
  ASSERT_TRUE(Report(report).ok());
  const uint64_t second = PlanOf("a").workers(0).node();
  EXPECT_NE(second, first);
  report = From(second, "a");
  report.mutable_failed()->set_message("bad data");
  report.mutable_failed()->set_permanent(true);
  ASSERT_TRUE(Report(report).ok());
  EXPECT_EQ(Get("a").state(), FAILED);
  JobStatus status;
  Get("a").Describe(false, now_, &status);
  EXPECT_THAT(status.reason(), HasSubstr("bad data"));
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

TEST_F(ClusterStateTest, LimitsEndAJob) {
  JobSpec spec = Spec("waits", 1, 1);
  spec.mutable_limits()->set_max_queue_seconds(3);
  ASSERT_TRUE(Submit(spec).ok());
  EXPECT_EQ(state_.NextDeadline(), now_ + absl::Seconds(3));
  Pass(absl::Seconds(2.9));
  EXPECT_EQ(Get("waits").state(), QUEUED);
  Pass(absl::Seconds(0.1));
  EXPECT_EQ(Get("waits").state(), FAILED);
  JoinAll(SERVER, 1);
  JoinAll(WORKER, 1);
  spec = Spec("runs", 1, 1);
  spec.mutable_limits()->set_max_seconds(10);
  ASSERT_TRUE(Submit(spec).ok());
  StartJob("runs");
  PassWithout({}, absl::Seconds(4));
  PassWithout({}, absl::Seconds(4));
  EXPECT_EQ(Get("runs").state(), RUNNING);
  PassWithout({}, absl::Seconds(2));
  EXPECT_EQ(Get("runs").state(), FAILED);
}

TEST_F(ClusterStateTest, ACheckpointIsCommittedWhenEveryServerHasWritten) {
  const auto servers = JoinAll(SERVER, 2);
  JoinAll(WORKER, 1);
  ASSERT_TRUE(Submit(Spec("a", 1, 2)).ok());
  StartJob("a");
  ReportRequest report = From(servers[0], "a");
  report.mutable_checkpoint_written()->set_step(2);
  report.mutable_checkpoint_written()->set_directory("/out");
  ASSERT_TRUE(Report(report).ok());
  ASSERT_TRUE(Report(report).ok());
  EXPECT_FALSE(journal_.back().has_checkpoint_committed());
  report.set_node(servers[1]);
  ASSERT_TRUE(Report(report).ok());
  ASSERT_TRUE(journal_.back().has_checkpoint_committed());
  EXPECT_EQ(journal_.back().checkpoint_committed().files_size(), 2);
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
  EXPECT_EQ(Get("b").state(), STARTING);
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
  Commit(*state_.Cancel("c", now_));
  Settle();

  ClusterState restored(absl::Seconds(5));
  for (const auto& event : journal_) restored.Apply(event);
  const auto job = restored.FindJob("a");
  ASSERT_TRUE(job.ok());
  EXPECT_EQ((*job)->progress().finished().size(), 1u);
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(
      *(*job)->plan(), PlanOf("a")));
  JobStatus before, after;
  Get("a").Describe(false, now_, &before);
  (*job)->Describe(false, now_, &after);
  EXPECT_EQ(after.output(), before.output());
  EXPECT_EQ(after.checkpoint_step(), 4u);
  EXPECT_EQ((*restored.FindJob("b"))->state(), QUEUED);
  EXPECT_EQ((*restored.FindJob("c"))->state(), CANCELLED);

  // A restart ends what ran, keeps what waited, and reuses no number.
  const uint64_t highest = Join(WORKER);
  for (const auto& event : restored.Restarted(now_)) restored.Apply(event);
  EXPECT_EQ((*restored.FindJob("a"))->state(), FAILED);
  EXPECT_EQ((*restored.FindJob("b"))->state(), QUEUED);
  for (const auto& event : restored.Decide(now_)) restored.Apply(event);
  RegisterRequest request;
  request.set_role(WORKER);
  EXPECT_GT(*restored.Register(request, now_), highest);
}

TEST_F(ClusterStateTest, NoNumberIsGivenBeforeItIsDurable) {
  ClusterState fresh(absl::Seconds(5));
  RegisterRequest request;
  request.set_role(WORKER);
  EXPECT_TRUE(absl::IsUnavailable(fresh.Register(request, now_).status()));
}

// Random members, jobs, reports and time. Whatever happens: runs of
// micro-batches cover each step once, a worker serves one job, incarnations
// rise, an accepted job ends once.
TEST_F(ClusterStateTest, InvariantsHoldUnderAnything) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  std::vector<uint64_t> nodes;
  std::map<std::string, uint64_t> incarnations;
  std::map<std::string, JobState> ends;
  for (int i = 0; i < 4000; ++i) {
    const std::string job = "job-" + std::to_string(random() % 12);
    const bool exists = state_.FindJob(job).ok();
    const bool planned = exists && Get(job).plan().has_value();
    switch (random() % 10) {
      case 0:
        nodes.push_back(Join(random() % 3 == 0 ? SERVER : WORKER));
        break;
      case 1:
        if (!nodes.empty() && random() % 4 == 0) {
          state_.Deregister(nodes[random() % nodes.size()], now_);
        }
        Settle();
        break;
      case 2:
        Submit(Spec(job, 1 + random() % 4, 1 + random() % 3)).IgnoreError();
        break;
      case 3:
        if (exists && random() % 8 == 0) {
          const auto cancel = state_.Cancel(job, now_);
          if (cancel.ok()) Commit(*cancel);
          Settle();
        }
        break;
      case 4:
        PassWithout(nodes.empty()
                        ? std::set<uint64_t>{}
                        : std::set<uint64_t>{nodes[random() % nodes.size()]},
                    absl::Seconds(static_cast<double>(random() % 3)));
        break;
      default: {
        if (!planned || nodes.empty()) break;
        const uint64_t node = nodes[random() % nodes.size()];
        switch (random() % 5) {
          case 0:
            LoadData(node, job).IgnoreError();
            break;
          case 1:
            Ready(node, job).IgnoreError();
            break;
          case 2:
            if (PlanOf(job).servers_size() != 0) {
              const uint64_t at = Get(job).progress().step();
              DoSteps(job, at, at + random() % 4).IgnoreError();
            }
            break;
          case 3:
            Validate(node, job, 4 * (1 + random() % 2), 0, 2).IgnoreError();
            break;
          case 4:
            if (PlanOf(job).total_steps() != 0 && !Get(job).ended() &&
                random() % 3 == 0) {
              const Plan plan = PlanOf(job);  // Ready makes others
              for (const auto& server : plan.servers()) {
                Ready(server.node(), job).IgnoreError();
              }
            }
            break;
        }
      }
    }
    std::set<uint64_t> busy;
    for (const Job* each : state_.Jobs()) {
      if (each->ended()) {
        const auto [end, is_new] = ends.emplace(each->name(), each->state());
        ASSERT_EQ(end->second, each->state());
        continue;
      }
      ASSERT_EQ(ends.count(each->name()), 0u);
      if (!each->plan().has_value()) continue;
      uint64_t& known = incarnations[each->name()];
      ASSERT_GE(each->plan()->incarnation(), known);
      known = each->plan()->incarnation();
      uint32_t at = 0;
      for (const auto& worker : each->plan()->workers()) {
        ASSERT_TRUE(busy.insert(worker.node()).second);
        ASSERT_EQ(worker.first(), at);
        at = worker.last();
      }
      ASSERT_EQ(at, each->plan()->workers_size() == 0 ? 0u : 8u);
    }
  }
  EXPECT_FALSE(incarnations.empty());
  EXPECT_FALSE(ends.empty());
}

}  // namespace
}  // namespace hawser
