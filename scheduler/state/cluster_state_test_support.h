// The scheduler's whole state driven by hand: made-up time, made-up members,
// and a journal that is a vector.
#ifndef HAWSER_SCHEDULER_STATE_CLUSTER_STATE_TEST_SUPPORT_H_
#define HAWSER_SCHEDULER_STATE_CLUSTER_STATE_TEST_SUPPORT_H_

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/metrics_proto.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "scheduler/state/cluster_state.h"
#include "scheduler/state/compaction.h"

namespace hawser {

// 2 epochs of 4 steps over 64 samples, 8 micro-batches; 10 blocks of 256.
inline JobSpec Spec(const std::string& name, uint32_t workers,
                    uint32_t servers) {
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

// What the server of block 0 tells after `last` steps, 4 an epoch, of which it
// has told those up to `first`.
inline StepsDone StepsOf(uint64_t first, uint64_t last) {
  StepsDone steps;
  steps.set_step(last);
  steps.set_first_epoch(first / 4 + 1);
  steps.set_first_step(first / 4 * 4);
  for (uint64_t at = steps.first_step(); at < last; at += 4) {
    const auto count = static_cast<int64_t>(std::min<uint64_t>(4, last - at));
    *steps.add_per_epoch() = ToProto({100 * count, 8 * count, 16 * count});
  }
  return steps;
}

// What of a job's status outlives a restart: not what its members did since the
// last event.
inline JobStatus DurablePart(JobStatus status) {
  const bool ended = status.ended_unix_ms() != 0;
  if (status.state() == FINISHING) status.set_state(RUNNING);
  if (!ended) status.clear_reason();
  status.clear_revision();
  status.clear_step();
  status.clear_last_training();
  if (status.epoch() == 0) status.clear_validation_before();
  status.clear_checkpoints_failed();
  status.clear_checkpoints_skipped();
  status.clear_checkpoint_problem();
  status.clear_samples_per_second();
  status.clear_seconds_running();
  status.clear_seconds_left();
  return status;
}

class ClusterStateTest : public testing::Test {
 protected:
  static constexpr absl::Duration kLease = absl::Seconds(5);

  ClusterStateTest() : state_(kLease) { Settle(); }

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
  void Cancel(const std::string& name) {
    const auto event = state_.Cancel(name, now_);
    ASSERT_TRUE(event.ok()) << event.status();
    Commit(*event);
    Settle();
  }
  absl::Status Submit(const JobSpec& spec) {
    const auto events = state_.Submit(spec, now_);
    if (!events.ok()) return events.status();
    for (const JournalEvent& event : *events) Commit(event);
    Settle();
    return absl::OkStatus();
  }
  uint64_t Join(Role role) {
    return JoinAt(absl::StrCat("address ", ++joined_), role);
  }
  uint64_t JoinAt(const std::string& address, Role role) {
    RegisterRequest request;
    request.set_role(role);
    request.set_address(address);
    const auto node = state_.Register(request, now_);
    EXPECT_TRUE(node.ok()) << node.status();
    Settle();
    requests_[*node] = request;
    return *node;
  }
  // The scheduler is killed and starts on its journal.
  void Restart() {
    std::destroy_at(&state_);
    std::construct_at(&state_, kLease);
    for (const JournalEvent& event : journal_) state_.Apply(event);
    state_.Restarted(now_);
    Settle();
  }
  // As the driver does.
  void Compact() {
    ClusterState replayed(kLease);
    for (const JournalEvent& event : journal_) replayed.Apply(event);
    std::vector<JournalEvent> left = Compacted(journal_, replayed);
    ClusterState again(kLease);
    for (const JournalEvent& event : left) again.Apply(event);
    ASSERT_EQ(DurableState(again), DurableState(replayed));
    journal_ = std::move(left);
  }
  // The process that had this number registers again. Returns its number.
  uint64_t ComeBack(uint64_t node) {
    RegisterRequest request = requests_.at(node);
    request.set_former_node(node);
    const auto now = state_.Register(request, now_);
    EXPECT_TRUE(now.ok()) << now.status();
    Settle();
    return *now;
  }
  void ComeBack(const std::vector<uint64_t>& nodes) {
    for (const uint64_t node : nodes) EXPECT_EQ(ComeBack(node), node);
  }
  std::vector<uint64_t> JoinAll(Role role, int count) {
    std::vector<uint64_t> nodes;
    for (int i = 0; i < count; ++i) nodes.push_back(Join(role));
    return nodes;
  }
  void Leave(uint64_t node) {
    state_.Deregister(node, now_);
    Settle();
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
  JobStatus Describe(const std::string& name) {
    JobStatus status;
    Get(name).Describe(/*with_plan=*/true, now_, &status);
    return status;
  }
  std::string ReasonOf(const std::string& name) {
    return Describe(name).reason();
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
    report.mutable_data_loaded()->set_validation_bytes(64 * validation);
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
  // Steps up to `last`, told by a server that has told of those up to `first`.
  absl::Status DoSteps(const std::string& job, uint64_t first, uint64_t last) {
    ReportRequest report = From(PlanOf(job).servers(0).node(), job);
    *report.mutable_steps_done() = StepsOf(first, last);
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
  absl::Status Hash(uint64_t node, const std::string& job, uint64_t step) {
    ReportRequest report = From(node, job);
    report.mutable_parameters_hashed()->set_step(step);
    report.mutable_parameters_hashed()->set_sha256("abc");
    return Report(report);
  }
  absl::Status Fail(uint64_t node, const std::string& job,
                    const std::string& message, bool permanent) {
    ReportRequest report = From(node, job);
    report.mutable_failed()->set_message(message);
    report.mutable_failed()->set_permanent(permanent);
    return Report(report);
  }
  void WriteCheckpoints(const std::string& job, uint64_t step) {
    const Plan plan = PlanOf(job);
    for (const auto& server : plan.servers()) {
      // A report may be what the job's end or its next plan waited for.
      if (Get(job).ended() || PlanOf(job).incarnation() != plan.incarnation()) {
        return;
      }
      ReportRequest report = From(server.node(), job);
      CheckpointWritten* written = report.mutable_checkpoint_written();
      written->set_step(step);
      written->set_directory(absl::StrCat("/out/step-", step));
      if (server.node() == plan.servers(0).node()) {
        // As DoSteps says of each step.
        const auto steps = static_cast<int64_t>((step + 3) % 4 + 1);
        *written->mutable_epoch_training() =
            ToProto({100 * steps, 8 * steps, 16 * steps});
      }
      const absl::Status status = Report(report);
      EXPECT_TRUE(status.ok()) << status;
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
  int joined_ = 0;
  ClusterState state_;
  std::vector<JournalEvent> journal_;
  std::map<uint64_t, RegisterRequest> requests_;  // by node
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_CLUSTER_STATE_TEST_SUPPORT_H_
