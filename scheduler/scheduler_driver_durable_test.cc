// What is durable, and what happens when it cannot be made so.
#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "scheduler/scheduler_driver_test_support.h"

namespace hawser {
namespace {

using testing::HasSubstr;

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

}  // namespace
}  // namespace hawser
