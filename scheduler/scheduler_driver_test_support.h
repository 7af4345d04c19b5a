// What the tests of the driver share: a scheduler with a journal in memory and
// a clock that is moved by hand.
#ifndef HAWSER_SCHEDULER_SCHEDULER_DRIVER_TEST_SUPPORT_H_
#define HAWSER_SCHEDULER_SCHEDULER_DRIVER_TEST_SUPPORT_H_

#include <atomic>
#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/faulty_file_calls.h"
#include "common/manual_clock.h"
#include "common/version.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "scheduler/memory_journal.h"
#include "scheduler/scheduler_driver.h"

namespace hawser {

// Long enough for a machine under load; nothing waits for it when all is well.
inline constexpr absl::Duration kPatience = absl::Seconds(60);

class CountingJournal : public MemoryJournal {
 public:
  absl::Status Append(const std::vector<JournalEvent>& events) override {
    ++attempts;
    return MemoryJournal::Append(events);
  }
  std::atomic<int> attempts = 0;
};

inline SubmitJobRequest Job(const std::string& name) {
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

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_SCHEDULER_DRIVER_TEST_SUPPORT_H_
