// Those who wait for news, and many callers at once.
#include <atomic>
#include <list>
#include <thread>

#include "scheduler/scheduler_driver_test_support.h"

namespace hawser {
namespace {

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
