// Members: orders, heartbeats, leases.
#include "gmock/gmock.h"
#include "scheduler/scheduler_driver_test_support.h"

namespace hawser {
namespace {

using testing::HasSubstr;

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
