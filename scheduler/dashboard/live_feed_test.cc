#include "scheduler/dashboard/live_feed.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/faulty_file_calls.h"
#include "common/manual_clock.h"
#include "common/version.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "scheduler/dashboard/describe.h"
#include "scheduler/memory_journal.h"

namespace hawser {
namespace {

class LiveFeedTest : public testing::Test {
 protected:
  void SetUp() override {
    driver_ = std::make_unique<SchedulerDriver>(
        SchedulerDriver::Options(), &journal_, &clock_, RealThreads(), &disk_);
    ASSERT_TRUE(driver_->Start().ok());
  }

  LiveFeed Feed(const std::string& job = "") {
    return LiveFeed({.driver = driver_.get(),
                     .started = absl::FromUnixSeconds(900),
                     .leaders_dashboard = [] { return "http://b:2"; }},
                    job);
  }
  void Submit(const std::string& name) {
    SubmitJobRequest request;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
        R"pb(
          model { mlp { layer_sizes: [ 4, 3 ] } }
          data { idx { directory: "digits" } }
          optimizer { adam {} }
          learning_rate { base: 0.1 }
          schedule { epochs: 2 global_batch: 16 }
        )pb",
        request.mutable_spec()));
    request.mutable_spec()->set_name(name);
    SubmitJobResponse response;
    ASSERT_TRUE(driver_->Submit(request, &response).ok());
  }
  void Cancel(const std::string& name) {
    CancelJobRequest request;
    request.set_name(name);
    ASSERT_TRUE(driver_->Cancel(request).ok());
  }
  uint64_t Join(Role role) {
    RegisterRequest request;
    request.set_role(role);
    request.set_host("here");
    request.set_address(absl::StrCat("address ", ++joined_));
    request.set_version(kVersion);
    RegisterResponse response;
    EXPECT_TRUE(driver_->Register(request, &response).ok());
    return response.node();
  }
  void Report(uint64_t node, ReportRequest report) {
    GetJobRequest get;
    get.set_name("a");
    GetJobResponse job;
    driver_->GetJob(get, &job, [](absl::Status) {});
    report.set_node(node);
    report.set_job(job.status().job());
    report.set_incarnation(job.status().incarnation());
    const absl::Status status = driver_->Report(report);
    ASSERT_TRUE(status.ok()) << status;
  }
  // Job "a", of 4 steps an epoch, makes steps.
  void StartJob() {
    server_ = Join(SERVER);
    worker_ = Join(WORKER);
    Submit("a");
    ReportRequest report;
    report.mutable_data_loaded()->set_training_samples(64);
    Report(worker_, report);
    report.mutable_server_ready();
    Report(server_, report);
  }
  // `step` steps of the first epoch, 16 samples each.
  void MakeSteps(uint64_t step) {
    ReportRequest report;
    StepsDone* done = report.mutable_steps_done();
    done->set_step(step);
    done->set_first_epoch(1);
    Metrics* metrics = done->add_per_epoch();
    metrics->set_samples(16 * step);
    metrics->set_correct(12 * step);
    metrics->set_loss_nanonats(static_cast<int64_t>(8'000'000'000 * step));
    Report(server_, report);
  }

  MemoryJournal journal_;
  ManualClock clock_{absl::FromUnixSeconds(1000)};
  FaultyFileCalls disk_;
  std::unique_ptr<SchedulerDriver> driver_;
  int joined_ = 0;
  uint64_t server_ = 0;
  uint64_t worker_ = 0;
};

TEST_F(LiveFeedTest, TellsAllAtFirstAndThenWhatHasChanged) {
  Submit("a");
  Submit("b");
  LiveFeed feed = Feed();
  LiveUpdate update = feed.Next();
  EXPECT_TRUE(update.all_jobs());
  EXPECT_EQ(update.version(), kVersion);
  EXPECT_EQ(update.started_unix_ms(), 900'000);
  ASSERT_EQ(update.jobs_size(), 2);
  EXPECT_EQ(update.jobs(0).name(), "a");
  EXPECT_EQ(update.jobs(0).state(), "queued");
  EXPECT_EQ(update.jobs(0).model(), "MLP 4-3");
  EXPECT_EQ(update.jobs(0).synchronisation(), "synchronous");
  EXPECT_FALSE(update.jobs(0).reason().empty());
  update = feed.Next();
  EXPECT_FALSE(update.all_jobs());
  EXPECT_EQ(update.jobs_size(), 0);
  Cancel("b");
  update = feed.Next();
  ASSERT_EQ(update.jobs_size(), 1);
  EXPECT_EQ(update.jobs(0).name(), "b");
  EXPECT_EQ(update.jobs(0).state(), "cancelled");
  EXPECT_TRUE(update.jobs(0).ended());
}

TEST_F(LiveFeedTest, ASchedulerThatStandsBySaysSoAndTellsAllWhenItLeads) {
  StartJob();
  LiveFeed feed = Feed("a");
  EXPECT_EQ(feed.Next().standing_by(), "");
  driver_->Stop();
  LiveUpdate update = feed.Next();
  EXPECT_NE(update.standing_by(), "");
  EXPECT_EQ(update.leaders_dashboard(), "http://b:2");
  EXPECT_TRUE(update.all_jobs());
  EXPECT_EQ(update.jobs_size(), 0);
  EXPECT_FALSE(update.has_detail());
  ASSERT_TRUE(driver_->Start().ok());
  update = feed.Next();
  EXPECT_EQ(update.standing_by(), "");
  EXPECT_EQ(update.leaders_dashboard(), "");
  EXPECT_TRUE(update.all_jobs());
  EXPECT_EQ(update.jobs_size(), 1);
  EXPECT_TRUE(update.has_detail());
  EXPECT_TRUE(update.curve().reset());
}

TEST_F(LiveFeedTest, TellsNodesToWhoLooksAtTheCluster) {
  const uint64_t server = Join(SERVER);
  Join(WORKER);
  Join(WORKER);
  clock_.Advance(absl::Seconds(2));
  LiveUpdate update = Feed().Next();
  EXPECT_EQ(update.workers(), 2);
  EXPECT_EQ(update.idle_workers(), 2);
  EXPECT_EQ(update.servers(), 1);
  ASSERT_EQ(update.nodes_size(), 3);
  EXPECT_EQ(update.nodes(0).node(), server);
  EXPECT_EQ(update.nodes(0).role(), "server");
  EXPECT_EQ(update.nodes(0).host(), "here");
  EXPECT_NEAR(update.nodes(0).seconds_since_heartbeat(), 2, 1e-9);
  Submit("a");
  update = Feed("a").Next();
  EXPECT_EQ(update.nodes_size(), 0);
  EXPECT_EQ(update.workers(), 2);
}

TEST_F(LiveFeedTest, TellsTheCurveBitByBit) {
  StartJob();
  LiveFeed feed = Feed("a");
  LiveUpdate update = feed.Next();
  EXPECT_TRUE(update.curve().reset());
  EXPECT_EQ(update.curve().training_size(), 0);
  MakeSteps(1);
  clock_.Advance(absl::Seconds(2));
  MakeSteps(3);
  update = feed.Next();
  EXPECT_FALSE(update.curve().reset());
  ASSERT_EQ(update.curve().training_size(), 2);
  EXPECT_EQ(update.curve().training(1).step(), 3);
  EXPECT_NEAR(update.curve().training(1).loss(), 0.5, 1e-9);
  EXPECT_NEAR(update.curve().training(1).accuracy(), 0.75, 1e-9);
  EXPECT_NEAR(update.curve().training(1).samples_per_second(), 16, 1e-9);
  ASSERT_EQ(update.jobs_size(), 1);
  EXPECT_NEAR(update.jobs(0).training().loss(), 0.5, 1e-9);
  EXPECT_EQ(update.jobs(0).step(), 3);
  EXPECT_EQ(update.jobs(0).total_steps(), 8);
  EXPECT_EQ(feed.Next().curve().training_size(), 0);
  // Without validation an epoch is over with its last step.
  MakeSteps(4);
  update = feed.Next();
  EXPECT_EQ(update.curve().training_size(), 1);
  ASSERT_EQ(update.curve().epochs_size(), 1);
  EXPECT_EQ(update.curve().epochs(0).epoch(), 1);
  EXPECT_EQ(update.curve().epochs(0).step(), 4);
  EXPECT_EQ(feed.Next().curve().epochs_size(), 0);
  // Another viewer gets all of it.
  update = Feed("a").Next();
  EXPECT_TRUE(update.curve().reset());
  EXPECT_EQ(update.curve().training_size(), 3);
  EXPECT_EQ(update.curve().epochs_size(), 1);
}

TEST_F(LiveFeedTest, TellsOfMembersWhatServersTell) {
  StartJob();
  const uint64_t incarnation = [&] {
    GetJobRequest get;
    get.set_name("a");
    GetJobResponse job;
    driver_->GetJob(get, &job, [](absl::Status) {});
    return job.status().incarnation();
  }();
  for (uint64_t second = 0; second < 3; ++second) {
    HeartbeatRequest heartbeat;
    heartbeat.set_node(server_);
    ServerLoad* load = heartbeat.add_loads();
    load->set_incarnation(incarnation);
    load->set_pushes(10 * second);
    load->set_push_bytes(5000 * second);
    load->add_staleness(7);
    load->add_staleness(second);
    WorkerLoad* worker = load->add_workers();
    worker->set_node(worker_);
    worker->set_clock(10 * second);
    worker->set_samples(100 * second);
    worker->set_busy_ns(500'000'000 * second);
    GetJobRequest get;
    get.set_name("a");
    GetJobResponse job;
    driver_->GetJob(get, &job, [](absl::Status) {});
    load->set_job(job.status().job());
    HeartbeatResponse response;
    driver_->Heartbeat(heartbeat, &response, [](absl::Status status) {
      EXPECT_TRUE(status.ok()) << status;
    });
    clock_.Advance(absl::Seconds(1));
  }
  const MemberFigures members = Feed("a").Next().members();
  ASSERT_EQ(members.workers_size(), 1);
  EXPECT_EQ(members.workers(0).node(), worker_);
  EXPECT_EQ(members.workers(0).host(), "here");
  EXPECT_EQ(members.workers(0).clock(), 20);
  EXPECT_NEAR(members.workers(0).samples_per_second(), 200, 1e-6);
  EXPECT_NEAR(members.workers(0).busy(), 0.5, 1e-6);
  ASSERT_EQ(members.servers_size(), 1);
  EXPECT_EQ(members.servers(0).node(), server_);
  EXPECT_EQ(members.servers(0).blocks(), 1);
  EXPECT_EQ(members.servers(0).block_ranges(), "0");
  EXPECT_EQ(members.servers(0).parameters(), 15);
  EXPECT_NEAR(members.servers(0).push_bytes_per_second(), 5000, 1e-6);
  EXPECT_FALSE(members.servers(0).lost());
  ASSERT_EQ(members.staleness_size(), 2);
  EXPECT_EQ(members.staleness(0).pushes(), 7);
}

TEST_F(LiveFeedTest, TellsEventsOnceAndDetailsWhenTheyChange) {
  Submit("a");
  LiveFeed feed = Feed("a");
  LiveUpdate update = feed.Next();
  ASSERT_EQ(update.events_size(), 1);
  EXPECT_EQ(update.events(0).text(), "accepted");
  EXPECT_EQ(update.events(0).unix_ms(), 1'000'000);
  ASSERT_TRUE(update.has_detail());
  EXPECT_EQ(update.detail().data(), "images in digits");
  EXPECT_EQ(update.detail().optimizer(), "Adam, rate 0.1");
  EXPECT_EQ(update.detail().global_batch(), 16);
  EXPECT_EQ(update.detail().parameters(), 15);
  update = feed.Next();
  EXPECT_EQ(update.events_size(), 0);
  EXPECT_FALSE(update.has_detail());
  Cancel("a");
  EXPECT_GE(feed.Next().events_size(), 1);
}

TEST_F(LiveFeedTest, SaysThatAJobIsNotKnown) {
  LiveFeed feed = Feed("nobody");
  EXPECT_NE(feed.Next().problem().find("nobody"), std::string::npos);
  // It may come later.
  Submit("nobody");
  const LiveUpdate update = feed.Next();
  EXPECT_EQ(update.problem(), "");
  EXPECT_TRUE(update.curve().reset());
  EXPECT_TRUE(update.has_detail());
}

TEST(Describe, BlockNumbersAreWrittenAsRanges) {
  EXPECT_EQ(RangesText({}), "");
  EXPECT_EQ(RangesText({3}), "3");
  EXPECT_EQ(RangesText({0, 1, 2, 3, 8, 10, 11}), "0-3, 8, 10-11");
}

TEST(Describe, HowAJobIsSynchronised) {
  SynchronisationSpec spec;
  EXPECT_EQ(SynchronisationText(spec), "synchronous");
  spec.set_mode(ASYNCHRONOUS);
  EXPECT_EQ(SynchronisationText(spec), "asynchronous");
  spec.set_mode(BOUNDED_STALENESS);
  spec.set_staleness(4);
  spec.set_local_steps(8);
  EXPECT_EQ(SynchronisationText(spec), "staleness at most 4, 8 local steps");
  spec.set_staleness_seconds(0.5);
  spec.set_local_steps(1);
  EXPECT_EQ(SynchronisationText(spec), "staleness at most 0.5 s");
}

}  // namespace
}  // namespace hawser
