#include "scheduler/scheduler_driver.h"

#include <atomic>
#include <thread>

#include "absl/synchronization/notification.h"
#include "common/version.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "scheduler/memory_journal.h"

namespace hawser {
namespace {

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

class SchedulerDriverTest : public testing::Test {
 protected:
  void Start() {
    driver_ = std::make_unique<SchedulerDriver>(SchedulerDriver::Options(),
                                                &journal_, &clock_);
    ASSERT_TRUE(driver_->Start().ok());
  }
  absl::Status Submit(const std::string& name) {
    SubmitJobResponse response;
    return driver_->Submit(Job(name), &response);
  }
  uint64_t Join(Role role) {
    RegisterRequest request;
    request.set_role(role);
    request.set_address("address");
    request.set_version(kVersion);
    RegisterResponse response;
    EXPECT_TRUE(driver_->Register(request, &response).ok());
    return response.node();
  }
  JobStatus Get(const std::string& name) {
    GetJobRequest request;
    request.set_name(name);
    GetJobResponse response;
    driver_->GetJob(request, &response,
                    [](absl::Status status) { EXPECT_TRUE(status.ok()); });
    return response.status();
  }

  MemoryJournal journal_;
  RealClock clock_;
  std::unique_ptr<SchedulerDriver> driver_;
};

TEST_F(SchedulerDriverTest, ANewOrderAnswersAParkedHeartbeatAtOnce) {
  Start();
  Join(SERVER);
  HeartbeatRequest request;
  request.set_node(Join(WORKER));
  HeartbeatResponse first;
  driver_->Heartbeat(request, &first,
                     [](absl::Status status) { EXPECT_TRUE(status.ok()); });
  EXPECT_EQ(first.orders().plans_size(), 0);
  request.set_orders_version(first.orders().version());
  request.set_wait_ms(30000);
  HeartbeatResponse second;
  absl::Notification answered;
  driver_->Heartbeat(request, &second, [&](absl::Status status) {
    EXPECT_TRUE(status.ok());
    answered.Notify();
  });
  EXPECT_FALSE(answered.HasBeenNotified());
  ASSERT_TRUE(Submit("a").ok());
  EXPECT_TRUE(answered.HasBeenNotified());
  EXPECT_EQ(second.orders().plans_size(), 1);
}

TEST_F(SchedulerDriverTest, ALookWaitsForNewsAndNoLongerThanAsked) {
  Start();
  ASSERT_TRUE(Submit("a").ok());
  GetJobRequest request;
  request.set_name("a");
  request.set_newer_than_revision(Get("a").revision());
  request.set_wait_ms(30000);
  GetJobResponse response;
  absl::Notification answered;
  driver_->GetJob(request, &response, [&](absl::Status) { answered.Notify(); });
  EXPECT_FALSE(answered.HasBeenNotified());
  CancelJobRequest cancel;
  cancel.set_name("a");
  ASSERT_TRUE(driver_->Cancel(cancel).ok());
  EXPECT_TRUE(answered.HasBeenNotified());
  EXPECT_EQ(response.status().state(), CANCELLED);
  // Nothing new: answered by the timer.
  request.set_newer_than_revision(response.status().revision());
  request.set_wait_ms(5);
  absl::Notification timed_out;
  GetJobResponse same;
  driver_->GetJob(request, &same, [&](absl::Status status) {
    EXPECT_TRUE(status.ok());
    timed_out.Notify();
  });
  EXPECT_TRUE(timed_out.WaitForNotificationWithTimeout(absl::Seconds(20)));
}

TEST_F(SchedulerDriverTest, WhatTheJournalRefusesHasNotHappened) {
  Start();
  journal_.failing = true;
  EXPECT_TRUE(absl::IsUnavailable(Submit("a")));
  ListJobsResponse jobs;
  ASSERT_TRUE(driver_->List(&jobs).ok());
  EXPECT_EQ(jobs.jobs_size(), 0);
  journal_.failing = false;
  EXPECT_TRUE(Submit("a").ok());
}

TEST_F(SchedulerDriverTest, ARestartKeepsWhatWasAccepted) {
  Start();
  ASSERT_TRUE(Submit("runs").ok());
  Join(SERVER);
  const uint64_t worker = Join(WORKER);
  ASSERT_TRUE(Submit("waits").ok());
  EXPECT_EQ(Get("runs").state(), STARTING);
  driver_->Stop();
  Start();
  EXPECT_EQ(Get("runs").state(), FAILED);
  EXPECT_EQ(Get("waits").state(), QUEUED);
  HeartbeatRequest request;
  request.set_node(worker);
  HeartbeatResponse response;
  driver_->Heartbeat(request, &response, [](absl::Status status) {
    EXPECT_TRUE(absl::IsNotFound(status));
  });
  EXPECT_GT(Join(WORKER), worker);
}

TEST_F(SchedulerDriverTest, StopAnswersThoseWhoWait) {
  Start();
  HeartbeatRequest request;
  request.set_node(Join(WORKER));
  HeartbeatResponse response;
  driver_->Heartbeat(request, &response, [](absl::Status) {});
  request.set_orders_version(response.orders().version());
  request.set_wait_ms(30000);
  absl::Status said;
  driver_->Heartbeat(request, &response,
                     [&](absl::Status status) { said = status; });
  driver_->Stop();
  EXPECT_TRUE(absl::IsUnavailable(said));
  EXPECT_TRUE(absl::IsUnavailable(Submit("late")));
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

}  // namespace
}  // namespace hawser
