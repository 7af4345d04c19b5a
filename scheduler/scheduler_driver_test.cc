#include "scheduler/scheduler_driver.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <list>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/faulty_file_calls.h"
#include "common/manual_clock.h"
#include "common/version.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "scheduler/memory_journal.h"

namespace hawser {
namespace {

using testing::HasSubstr;

// Long enough for a machine under load; nothing waits for it when all is well.
constexpr absl::Duration kPatience = absl::Seconds(60);

class CountingJournal : public MemoryJournal {
 public:
  absl::Status Append(const std::vector<JournalEvent>& events) override {
    ++attempts;
    return MemoryJournal::Append(events);
  }
  std::atomic<int> attempts = 0;
};

SubmitJobRequest Job(const std::string& name) {
  SubmitJobRequest request;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(
        model { mlp { layer_sizes: [ 4, 3 ] } }
        data { idx {} }
        optimizer { adam {} }
        learning_rate { base: 0.1 }
        schedule { epochs: 2 global_batch: 16 }
      )pb",
      request.mutable_spec()));
  request.mutable_spec()->set_name(name);
  return request;
}

// An answer that may come later.
struct Answer {
  absl::Status status;
  absl::Notification given;

  SchedulerDriver::Completion Done() {
    return [this](absl::Status said) {
      status = said;
      given.Notify();
    };
  }
  bool Comes() { return given.WaitForNotificationWithTimeout(kPatience); }
};

class SchedulerDriverTest : public testing::Test {
 protected:
  absl::Status TryToStart() {
    driver_ = std::make_unique<SchedulerDriver>(
        SchedulerDriver::Options(), &journal_, &clock_, RealThreads(), &disk_);
    return driver_->Start();
  }
  void Start() { ASSERT_TRUE(TryToStart().ok()); }
  absl::Status Submit(const std::string& name) {
    SubmitJobResponse response;
    return driver_->Submit(Job(name), &response);
  }
  absl::Status Cancel(const std::string& name) {
    CancelJobRequest request;
    request.set_name(name);
    return driver_->Cancel(request);
  }
  uint64_t Join(Role role) {
    RegisterRequest request;
    request.set_role(role);
    request.set_address(absl::StrCat("address ", ++joined_));
    request.set_version(kVersion);
    const uint64_t node = Register(request);
    members_[node] = request;
    return node;
  }
  // The same process, at a scheduler that has restarted.
  uint64_t ComeBack(uint64_t node) {
    RegisterRequest request = members_.at(node);
    request.set_former_node(node);
    return Register(request);
  }
  uint64_t Register(const RegisterRequest& request) {
    RegisterResponse response;
    EXPECT_TRUE(driver_->Register(request, &response).ok());
    return response.node();
  }
  JobStatus Get(const std::string& name) {
    GetJobRequest request;
    request.set_name(name);
    request.set_with_plan(true);
    GetJobResponse response;
    driver_->GetJob(request, &response,
                    [](absl::Status status) { EXPECT_TRUE(status.ok()); });
    return response.status();
  }
  // Waits for what is newer than what is known now.
  void AwaitNews(const std::string& name, GetJobResponse* response,
                 Answer* answer) {
    GetJobRequest request;
    request.set_name(name);
    request.set_newer_than_revision(Get(name).revision());
    request.set_wait_ms(30000);
    driver_->GetJob(request, response, answer->Done());
  }
  Orders OrdersOf(uint64_t node) {
    HeartbeatRequest request;
    request.set_node(node);
    HeartbeatResponse response;
    driver_->Heartbeat(request, &response, [](absl::Status status) {
      EXPECT_TRUE(status.ok()) << status;
    });
    return response.orders();
  }
  // Waits for orders that differ from those there are now.
  void AwaitOrders(uint64_t node, HeartbeatResponse* response, Answer* answer) {
    HeartbeatRequest request;
    request.set_node(node);
    request.set_orders_version(OrdersOf(node).version());
    request.set_wait_ms(30000);
    driver_->Heartbeat(request, response, answer->Done());
  }
  // The timer looks at the clock anew whenever something happens.
  void WakeTimer() { EXPECT_TRUE(driver_->Deregister({}).ok()); }

  absl::Status Report(uint64_t node, const std::string& job,
                      ReportRequest report) {
    const JobStatus status = Get(job);
    report.set_node(node);
    report.set_job(status.job());
    report.set_incarnation(status.incarnation());
    return driver_->Report(report);
  }
  // A job of one worker and one server that makes steps.
  void StartJob(const std::string& name, uint64_t server, uint64_t worker) {
    ReportRequest report;
    report.mutable_data_loaded()->set_training_samples(64);
    EXPECT_TRUE(Report(worker, name, report).ok());
    report.mutable_server_ready();
    EXPECT_TRUE(Report(server, name, report).ok());
    EXPECT_EQ(Get(name).state(), RUNNING);
  }
  absl::Status WriteCheckpoint(uint64_t server, const std::string& name,
                               const std::string& directory) {
    ReportRequest report;
    report.mutable_checkpoint_written()->set_step(4);
    report.mutable_checkpoint_written()->set_directory(directory);
    report.mutable_checkpoint_written()->set_file("new.safetensors");
    report.mutable_checkpoint_written()->set_bytes(77);
    return Report(server, name, report);
  }

  CountingJournal journal_;
  ManualClock clock_{absl::FromUnixSeconds(1000)};
  FaultyFileCalls disk_;
  int joined_ = 0;
  std::map<uint64_t, RegisterRequest> members_;
  std::unique_ptr<SchedulerDriver> driver_;
};

TEST_F(SchedulerDriverTest, ANewOrderAnswersAParkedHeartbeatAtOnce) {
  Start();
  Join(SERVER);
  const uint64_t worker = Join(WORKER);
  EXPECT_EQ(OrdersOf(worker).plans_size(), 0);
  HeartbeatResponse response;
  Answer answer;
  AwaitOrders(worker, &response, &answer);
  EXPECT_FALSE(answer.given.HasBeenNotified());
  ASSERT_TRUE(Submit("a").ok());
  ASSERT_TRUE(answer.given.HasBeenNotified());
  EXPECT_TRUE(answer.status.ok());
  EXPECT_EQ(response.orders().plans_size(), 1);
}

TEST_F(SchedulerDriverTest, AHeartbeatWithoutNewOrdersIsAnsweredInTheEnd) {
  Start();
  const uint64_t worker = Join(WORKER);
  HeartbeatRequest request;
  request.set_node(worker);
  request.set_orders_version(OrdersOf(worker).version());
  request.set_wait_ms(2000);
  HeartbeatResponse response;
  Answer answer;
  driver_->Heartbeat(request, &response, answer.Done());
  clock_.Advance(absl::Milliseconds(1999));
  WakeTimer();
  EXPECT_FALSE(answer.given.HasBeenNotified());
  clock_.Advance(absl::Milliseconds(1));
  WakeTimer();
  ASSERT_TRUE(answer.Comes());
  EXPECT_TRUE(answer.status.ok());
  EXPECT_EQ(response.orders().version(), request.orders_version());
}

TEST_F(SchedulerDriverTest, AMemberThatLeavesIsDrainedAndToldWhenItMayGo) {
  Start();
  const uint64_t server = Join(SERVER);
  ASSERT_TRUE(Submit("a").ok());
  StartJob("a", server, Join(WORKER));
  HeartbeatRequest request;
  request.set_node(server);
  request.set_leaving(true);
  HeartbeatResponse response;
  Answer first;
  driver_->Heartbeat(request, &response, first.Done());
  ASSERT_TRUE(first.given.HasBeenNotified());
  EXPECT_EQ(response.state(), DRAINING);
  EXPECT_THAT(response.reason(), HasSubstr("no other server"));

  request.set_orders_version(OrdersOf(server).version());
  request.set_wait_ms(30000);
  Answer second;
  driver_->Heartbeat(request, &response, second.Done());
  EXPECT_FALSE(second.given.HasBeenNotified());
  ASSERT_TRUE(Cancel("a").ok());
  ASSERT_TRUE(second.given.HasBeenNotified());
  EXPECT_EQ(response.state(), DRAINED);
}

TEST_F(SchedulerDriverTest, ALookWaitsForNewsAndNoLongerThanAsked) {
  Start();
  ASSERT_TRUE(Submit("a").ok());
  GetJobResponse response;
  Answer news;
  AwaitNews("a", &response, &news);
  EXPECT_FALSE(news.given.HasBeenNotified());
  ASSERT_TRUE(Cancel("a").ok());
  ASSERT_TRUE(news.given.HasBeenNotified());
  EXPECT_EQ(response.status().state(), CANCELLED);
  // Nothing new.
  GetJobResponse same;
  Answer late;
  AwaitNews("a", &same, &late);
  clock_.Advance(absl::Seconds(30));
  WakeTimer();
  ASSERT_TRUE(late.Comes());
  EXPECT_TRUE(late.status.ok());
  EXPECT_EQ(same.status().revision(), response.status().revision());
  // No such job: at once, however long it would wait.
  GetJobRequest request;
  request.set_name("b");
  request.set_wait_ms(30000);
  Answer none;
  driver_->GetJob(request, &same, none.Done());
  ASSERT_TRUE(none.given.HasBeenNotified());
  EXPECT_TRUE(absl::IsNotFound(none.status));
}

TEST_F(SchedulerDriverTest, ASilentMemberIsLostByTheClockThatWasHandedIn) {
  Start();
  const uint64_t server = Join(SERVER);
  const uint64_t silent = Join(WORKER);
  ASSERT_TRUE(Submit("a").ok());
  StartJob("a", server, silent);
  HeartbeatResponse response;
  Answer told;
  AwaitOrders(silent, &response, &told);
  clock_.Advance(absl::Seconds(4));
  OrdersOf(server);  // renews
  GetJobResponse job;
  Answer news;
  AwaitNews("a", &job, &news);
  clock_.Advance(absl::Seconds(1));
  WakeTimer();
  ASSERT_TRUE(told.Comes());
  EXPECT_TRUE(absl::IsNotFound(told.status));
  ASSERT_TRUE(news.Comes());
  EXPECT_EQ(job.status().state(), RUNNING);
  EXPECT_EQ(job.status().reason(), "waits for a worker");
}

TEST_F(SchedulerDriverTest, WhatTheJournalRefusesHasNotHappened) {
  Start();
  ASSERT_TRUE(Submit("before").ok());
  const JobStatus before = Get("before");
  journal_.failing = true;
  EXPECT_TRUE(absl::IsUnavailable(Submit("a")));
  EXPECT_TRUE(absl::IsUnavailable(Cancel("before")));
  EXPECT_EQ(Get("before").SerializeAsString(), before.SerializeAsString());
  ListJobsResponse jobs;
  ASSERT_TRUE(driver_->List(&jobs).ok());
  EXPECT_EQ(jobs.jobs_size(), 1);
  journal_.failing = false;
  EXPECT_TRUE(Submit("a").ok());
  EXPECT_TRUE(Cancel("before").ok());
  EXPECT_EQ(Get("before").state(), CANCELLED);
  EXPECT_EQ(Get("a").state(), QUEUED);
}

TEST_F(SchedulerDriverTest, WhatTheJournalRefusedIsTriedAgainByTheTimer) {
  Start();
  ASSERT_TRUE(Submit("a").ok());
  journal_.failing = true;
  Join(SERVER);
  const uint64_t worker = Join(WORKER);
  // The plan is not written, so that nobody acts on it.
  EXPECT_EQ(Get("a").state(), QUEUED);
  EXPECT_EQ(OrdersOf(worker).plans_size(), 0);
  journal_.failing = false;
  clock_.Advance(absl::Seconds(1));
  HeartbeatResponse response;
  Answer answer;
  AwaitOrders(worker, &response, &answer);
  ASSERT_TRUE(answer.Comes());
  EXPECT_TRUE(answer.status.ok());
  EXPECT_EQ(response.orders().plans_size(), 1);
}

TEST_F(SchedulerDriverTest, AJournalThatRefusesIsNotAskedWithoutEnd) {
  Start();
  SubmitJobRequest request = Job("a");
  request.mutable_spec()->mutable_limits()->set_max_queue_seconds(3);
  SubmitJobResponse response;
  ASSERT_TRUE(driver_->Submit(request, &response).ok());
  journal_.failing = true;
  clock_.Advance(absl::Seconds(3));  // the end is due and cannot be written
  WakeTimer();
  const int before = journal_.attempts;
  // The clock stands still: there is nothing to try again yet. Each look waits
  // for the lock, which a timer that goes round and round would take.
  for (int i = 0; i < 2000; ++i) EXPECT_EQ(Get("a").state(), QUEUED);
  EXPECT_LE(journal_.attempts, before + 3);
  journal_.failing = false;
  GetJobResponse news;
  Answer answer;
  clock_.Advance(absl::Seconds(1));
  AwaitNews("a", &news, &answer);
  ASSERT_TRUE(answer.Comes());
  EXPECT_EQ(news.status().state(), FAILED);
}

TEST_F(SchedulerDriverTest, ACheckpointIsCommittedByItsManifest) {
  const std::string directory = testing::TempDir() + "/committed/step-4";
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  for (const char* name : {"new.safetensors", "server-0-old.safetensors",
                           "mine.safetensors", "notes.txt"}) {
    std::ofstream(directory + "/" + name) << std::string(77, 'c');
  }
  Start();
  const uint64_t server = Join(SERVER);
  ASSERT_TRUE(Submit("a").ok());
  StartJob("a", server, Join(WORKER));
  // The journal has the last word.
  journal_.failing = true;
  EXPECT_TRUE(WriteCheckpoint(server, "a", directory).ok());
  EXPECT_EQ(Get("a").checkpoint_step(), 0u);
  journal_.failing = false;
  WakeTimer();
  EXPECT_EQ(Get("a").checkpoint_step(), 4u);
  EXPECT_EQ(Get("a").output(), directory);
  std::ifstream file(directory + "/manifest.json");
  const std::string manifest(std::istreambuf_iterator<char>(file), {});
  EXPECT_THAT(manifest, HasSubstr("\"new.safetensors\""));
  EXPECT_THAT(manifest, HasSubstr("77"));
  EXPECT_TRUE(std::filesystem::exists(directory + "/new.safetensors"));
  EXPECT_TRUE(std::filesystem::exists(directory + "/notes.txt"));
  // Of what the manifest does not name, only a server's file is removed.
  EXPECT_TRUE(std::filesystem::exists(directory + "/mine.safetensors"));
  EXPECT_FALSE(
      std::filesystem::exists(directory + "/server-0-old.safetensors"));
}

TEST_F(SchedulerDriverTest, WithoutItsManifestACheckpointIsNone) {
  const std::string directory = testing::TempDir() + "/refused/step-4";
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  Start();
  const uint64_t server = Join(SERVER);
  ASSERT_TRUE(Submit("a").ok());
  StartJob("a", server, Join(WORKER));
  const std::string file = directory + "/new.safetensors";
  const auto refusal = [&] {
    std::ofstream(file) << std::string(77, 'c');
    EXPECT_TRUE(WriteCheckpoint(server, "a", directory).ok());
    EXPECT_EQ(Get("a").state(), RUNNING);
    EXPECT_EQ(Get("a").checkpoint_step(), 0u);
    EXPECT_FALSE(std::filesystem::exists(directory));  // nothing is left of it
    std::filesystem::create_directories(directory);
    return Get("a").checkpoint_problem();
  };
  disk_.fsync_error = EIO;
  EXPECT_THAT(refusal(), HasSubstr("checkpoint of step 4: cannot flush"));
  disk_.fsync_error = 0;
  disk_.room = 100;
  EXPECT_THAT(refusal(), HasSubstr("No space left"));
  disk_.room = 1 << 20;
  // A file that has not what its server wrote.
  std::ofstream(file) << "cut off";
  EXPECT_TRUE(WriteCheckpoint(server, "a", directory).ok());
  EXPECT_THAT(Get("a").checkpoint_problem(), HasSubstr("has 7 bytes"));
  EXPECT_EQ(Get("a").checkpoint_step(), 0u);
  std::filesystem::create_directories(directory);
  EXPECT_TRUE(WriteCheckpoint(server, "a", directory).ok());
  EXPECT_THAT(Get("a").checkpoint_problem(), HasSubstr("No such file"));
  // Whole once more, it counts.
  std::filesystem::create_directories(directory);
  std::ofstream(file) << std::string(77, 'c');
  EXPECT_TRUE(WriteCheckpoint(server, "a", directory).ok());
  EXPECT_EQ(Get("a").checkpoint_step(), 4u);
  EXPECT_EQ(Get("a").checkpoint_problem(), "");
  EXPECT_EQ(Get("a").checkpoints_failed(), 1u);  // the same one again and again
}

TEST_F(SchedulerDriverTest, ARestartKeepsWhatWasAccepted) {
  Start();
  ASSERT_TRUE(Submit("runs").ok());
  const uint64_t server = Join(SERVER);
  const uint64_t worker = Join(WORKER);
  StartJob("runs", server, worker);
  ASSERT_TRUE(Submit("waits").ok());
  ASSERT_TRUE(Submit("cancelled").ok());
  ASSERT_TRUE(Cancel("cancelled").ok());
  driver_->Stop();
  // Nothing is begun before what must be written is.
  journal_.failing = true;
  EXPECT_TRUE(absl::IsUnavailable(TryToStart()));
  journal_.failing = false;
  Start();
  EXPECT_EQ(Get("runs").state(), RUNNING);
  EXPECT_THAT(Get("runs").reason(), HasSubstr("the scheduler has restarted"));
  EXPECT_EQ(Get("waits").state(), QUEUED);
  EXPECT_EQ(Get("cancelled").state(), CANCELLED);
  EXPECT_TRUE(absl::IsAlreadyExists(Submit("runs")));
  HeartbeatRequest request;
  request.set_node(worker);
  request.set_wait_ms(30000);
  HeartbeatResponse response;
  Answer unknown;
  driver_->Heartbeat(request, &response, unknown.Done());
  ASSERT_TRUE(unknown.given.HasBeenNotified());
  EXPECT_TRUE(absl::IsNotFound(unknown.status));
  // They come back, and the job that ran goes on under a new incarnation.
  const uint64_t before = Get("runs").incarnation();
  EXPECT_EQ(ComeBack(worker), worker);
  HeartbeatResponse orders;
  Answer answer;
  AwaitOrders(worker, &orders, &answer);
  EXPECT_EQ(ComeBack(server), server);
  EXPECT_GT(Get("runs").incarnation(), before);
  ReportRequest ready;
  ready.mutable_server_ready();
  EXPECT_TRUE(Report(server, "runs", ready).ok());
  ASSERT_TRUE(answer.given.HasBeenNotified());
  EXPECT_EQ(OrdersOf(worker).plans_size(), 1);
  EXPECT_EQ(Get("runs").reason(), "");
  EXPECT_GT(Join(WORKER), worker);
  EXPECT_EQ(Get("waits").state(), STARTING);
}

TEST_F(SchedulerDriverTest, AValidationIsDurableBeforeItIsAnswered) {
  Start();
  ASSERT_TRUE(Submit("a").ok());
  const uint64_t server = Join(SERVER);
  const uint64_t worker = Join(WORKER);
  ReportRequest report;
  report.mutable_data_loaded()->set_training_samples(64);
  report.mutable_data_loaded()->set_validation_samples(10);
  EXPECT_TRUE(Report(worker, "a", report).ok());
  report.mutable_server_ready();
  EXPECT_TRUE(Report(server, "a", report).ok());
  journal_.failing = true;
  ValidationDone* validation = report.mutable_validation_done();
  validation->set_step(4);
  validation->set_total_chunks(2);
  validation->set_last_chunk(1);
  validation->mutable_metrics()->set_samples(5);
  EXPECT_TRUE(Report(worker, "a", report).ok()) << "another may fail yet";
  validation->set_first_chunk(1);
  validation->set_last_chunk(2);
  EXPECT_TRUE(absl::IsUnavailable(Report(worker, "a", report)));
  journal_.failing = false;
  EXPECT_TRUE(Report(worker, "a", report).ok());
  driver_->Stop();
  Start();
  EXPECT_EQ(ComeBack(server), server);
  EXPECT_EQ(ComeBack(worker), worker);
  report.mutable_server_ready();
  EXPECT_TRUE(Report(server, "a", report).ok());
  StepsDone* steps = report.mutable_steps_done();
  steps->set_step(4);
  steps->set_first_epoch(1);
  steps->add_per_epoch()->set_samples(64);
  EXPECT_TRUE(Report(server, "a", report).ok());
  ASSERT_EQ(Get("a").epochs_done_size(), 1);
  EXPECT_EQ(Get("a").epochs_done(0).validation().samples(), 10u);
}

TEST_F(SchedulerDriverTest, StopAnswersThoseWhoWait) {
  Start();
  const uint64_t worker = Join(WORKER);
  ASSERT_TRUE(Submit("a").ok());
  HeartbeatResponse response;
  GetJobResponse job;
  Answer heartbeat, look, late;
  AwaitOrders(worker, &response, &heartbeat);
  AwaitNews("a", &job, &look);
  driver_->Stop();
  ASSERT_TRUE(heartbeat.given.HasBeenNotified());
  ASSERT_TRUE(look.given.HasBeenNotified());
  EXPECT_TRUE(absl::IsUnavailable(heartbeat.status));
  EXPECT_TRUE(absl::IsUnavailable(look.status));
  EXPECT_TRUE(absl::IsUnavailable(Submit("late")));
  HeartbeatRequest request;
  request.set_node(worker);
  driver_->Heartbeat(request, &response, late.Done());
  ASSERT_TRUE(late.given.HasBeenNotified());
  EXPECT_TRUE(absl::IsUnavailable(late.status));
  driver_->Stop();  // once more does no harm
}

TEST_F(SchedulerDriverTest, AnotherVersionIsRefused) {
  Start();
  RegisterRequest request;
  request.set_role(WORKER);
  request.set_version("0.0.0");
  RegisterResponse response;
  EXPECT_TRUE(
      absl::IsFailedPrecondition(driver_->Register(request, &response)));
}

// What a member costs that waits must not depend on how many others wait.
TEST_F(SchedulerDriverTest, OnlyThoseWhoMayHaveAnAnswerAreLookedAt) {
  constexpr uint64_t kMembers = 300;
  Start();
  std::list<HeartbeatResponse> responses;
  std::list<Answer> answers;
  const auto wait = [&](uint64_t node, uint32_t wait_ms) {
    HeartbeatRequest request;
    request.set_node(node);
    request.set_orders_version(0xcbf29ce484222325);  // of no orders
    request.set_wait_ms(wait_ms);
    driver_->Heartbeat(request, &responses.emplace_back(),
                       answers.emplace_back().Done());
  };
  for (uint64_t i = 0; i < kMembers; ++i) wait(Join(WORKER), 30000);
  const uint64_t server = Join(SERVER);
  EXPECT_EQ(driver_->requests_asked(), 0);
  // Somebody joins or leaves, a job is accepted: none of their business.
  wait(server, 30000);
  EXPECT_TRUE(Submit("none-of-theirs").ok());
  EXPECT_TRUE(Cancel("none-of-theirs").ok());
  const uint64_t before = driver_->requests_asked();
  EXPECT_LE(before, 4);  // the members of that job's plan
  // Each deadline is the matter of one.
  for (int i = 0; i < 10; ++i) wait(server, 1);
  clock_.Advance(absl::Milliseconds(2));
  WakeTimer();
  EXPECT_TRUE(answers.back().Comes());
  EXPECT_LE(driver_->requests_asked(), before + 10);
  driver_->Stop();
}

TEST_F(SchedulerDriverTest, ManyCallersAtOnceAreEachAnsweredOnce) {
  constexpr int kThreads = 4, kJobs = 25;
  Start();
  Join(SERVER);
  std::atomic<int> answers = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const uint64_t worker = Join(WORKER);
      std::list<GetJobResponse> looks;
      std::list<HeartbeatResponse> heartbeats;
      for (int i = 0; i < kJobs; ++i) {
        const std::string name = absl::StrCat("job-", t, "-", i);
        EXPECT_TRUE(Submit(name).ok());
        GetJobRequest look;
        look.set_name(name);
        look.set_newer_than_revision(1000000);
        look.set_wait_ms(30000);
        Answer looked;
        driver_->GetJob(look, &looks.emplace_back(), [&](absl::Status status) {
          ++answers;
          looked.Done()(status);
        });
        HeartbeatRequest heartbeat;
        heartbeat.set_node(worker);
        Answer beaten;  // the others make its lease end at any time
        driver_->Heartbeat(heartbeat, &heartbeats.emplace_back(),
                           [&](absl::Status status) {
                             ++answers;
                             beaten.Done()(status);
                           });
        EXPECT_TRUE(beaten.Comes());
        EXPECT_TRUE(Cancel(name).ok());
        clock_.Advance(absl::Seconds(31));
        WakeTimer();
        EXPECT_TRUE(looked.Comes());
        EXPECT_TRUE(looked.status.ok());
        EXPECT_EQ(looks.back().status().name(), name);
        EXPECT_EQ(Get(name).state(), CANCELLED);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  driver_->Stop();
  EXPECT_EQ(answers, 2 * kThreads * kJobs);
  int ends = 0;
  for (const auto& event : journal_.events) ends += event.has_job_ended();
  EXPECT_EQ(ends, kThreads * kJobs);
}

}  // namespace
}  // namespace hawser
