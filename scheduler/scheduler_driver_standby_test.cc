// A scheduler that stands by, leads, and stands by again, in one process.
#include <atomic>

#include "absl/synchronization/notification.h"
#include "common/clock.h"
#include "common/version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scheduler/scheduler_driver_test_support.h"

namespace hawser {
namespace {

using testing::HasSubstr;

// A journal whose leader another scheduler may become.
class SharedJournal : public MemoryJournal {
 public:
  absl::Status CheckLeads() const override {
    if (leads) return absl::OkStatus();
    return absl::UnavailableError("another leads");
  }
  absl::Status Append(const std::vector<JournalEvent>& events) override {
    if (!leads) return CheckLeads();
    return MemoryJournal::Append(events);
  }
  std::atomic<bool> leads = true;
};

class StandbyTest : public testing::Test {
 protected:
  absl::Status Submit(const std::string& name) {
    SubmitJobResponse response;
    return driver.Submit(Job(name), &response);
  }
  int Jobs() {
    ListJobsResponse response;
    EXPECT_TRUE(driver.List(&response).ok());
    return response.jobs_size();
  }
  // Every request that needs no answer from elsewhere.
  std::vector<absl::Status> AskAll() {
    std::vector<absl::Status> said;
    said.push_back(Submit("other"));
    said.push_back(driver.Cancel({}));
    ListJobsResponse jobs;
    said.push_back(driver.List(&jobs));
    ListNodesResponse nodes;
    said.push_back(driver.ListNodes(&nodes));
    GetJobLogResponse log;
    said.push_back(driver.GetLog({}, &log));
    GetVersionResponse version;
    said.push_back(driver.GetVersion(&version));
    RegisterRequest member;
    member.set_version(kVersion);
    RegisterResponse number;
    said.push_back(driver.Register(member, &number));
    said.push_back(driver.Report({}));
    said.push_back(driver.Deregister({}));
    HeartbeatResponse orders;
    driver.Heartbeat({}, &orders,
                     [&](absl::Status status) { said.push_back(status); });
    GetJobResponse job;
    driver.GetJob({}, &job,
                  [&](absl::Status status) { said.push_back(status); });
    return said;
  }

  RealClock clock;
  SharedJournal journal;
  SchedulerDriver driver{{.describe_leader = [] { return "b:1 leads"; }},
                         &journal,
                         &clock,
                         RealThreads()};
};

TEST_F(StandbyTest, RefusesEverythingAndSaysWhoLeads) {
  const auto said = AskAll();
  EXPECT_EQ(said.size(), 11);
  for (const absl::Status& status : said) {
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("b:1 leads"));
  }
}

TEST_F(StandbyTest, LeadsAgainWithWhatTheJournalHolds) {
  ASSERT_TRUE(driver.Start().ok());
  EXPECT_TRUE(Submit("mine").ok());
  driver.Stop();
  EXPECT_TRUE(absl::IsUnavailable(Submit("late")));
  // Meanwhile another led, and accepted a job.
  MemoryJournal others;
  others.events = journal.events;
  SchedulerDriver other({}, &others, &clock, RealThreads());
  ASSERT_TRUE(other.Start().ok());
  SubmitJobResponse response;
  ASSERT_TRUE(other.Submit(Job("theirs"), &response).ok());
  other.Stop();
  journal.events = others.events;
  ASSERT_TRUE(driver.Start().ok());
  EXPECT_EQ(Jobs(), 2);
  EXPECT_TRUE(Submit("again").ok());
}

TEST_F(StandbyTest, WhoMayNotLeadAnyMoreActsOnNothing) {
  ASSERT_TRUE(driver.Start().ok());
  EXPECT_TRUE(Submit("mine").ok());
  const size_t events = journal.events.size();
  journal.leads = false;
  for (const absl::Status& status : AskAll()) {
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  }
  EXPECT_EQ(journal.events.size(), events);
}

TEST_F(StandbyTest, WhoeverWaitsIsAnsweredWhenItStops) {
  ASSERT_TRUE(driver.Start().ok());
  ASSERT_TRUE(Submit("mine").ok());
  GetJobRequest request;
  request.set_name("mine");
  GetJobResponse response;
  driver.GetJob(request, &response, [](absl::Status) {});
  request.set_newer_than_revision(response.status().revision());
  request.set_wait_ms(30000);
  absl::Notification answered;
  absl::Status status;
  driver.GetJob(request, &response, [&](absl::Status said) {
    status = said;
    answered.Notify();
  });
  EXPECT_FALSE(answered.HasBeenNotified());
  driver.Stop();
  EXPECT_TRUE(answered.HasBeenNotified());
  EXPECT_TRUE(absl::IsUnavailable(status));
}

}  // namespace
}  // namespace hawser
