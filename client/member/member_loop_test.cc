#include "client/member/member_loop.h"

#include <functional>
#include <vector>

#include "client/control/unimplemented_scheduler_client.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

// A scheduler that says what the test wants, and remembers what it was told.
class FakeScheduler : public UnimplementedSchedulerClient {
 public:
  absl::StatusOr<RegisterResponse> Register(
      const RegisterRequest& request) override {
    absl::MutexLock lock(&mutex);
    ++registrations;
    former_nodes.push_back(request.former_node());
    if (!registration_status.ok()) return registration_status;
    if (registrations <= unavailable_first) {
      return absl::UnavailableError("not yet");
    }
    RegisterResponse response;
    response.set_node(100 + static_cast<uint64_t>(registrations));
    if (takes_back && request.former_node() != 0) {
      response.set_node(request.former_node());
      forgotten = 0;
    }
    response.set_heartbeat_ms(1);
    return response;
  }
  absl::StatusOr<HeartbeatResponse> Heartbeat(
      const HeartbeatRequest& request) override {
    absl::MutexLock lock(&mutex);
    ++heartbeats;
    if (request.node() == forgotten) return absl::NotFoundError("who?");
    const auto news = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return (request.leaving() && has_others) ||
             version != request.orders_version() ||
             trace != request.trace().trace() || left ||
             request.node() == forgotten;
    };
    mutex.AwaitWithTimeout(absl::Condition(&news),
                           absl::Milliseconds(request.wait_ms()));
    HeartbeatResponse response;
    response.mutable_orders()->set_version(version);
    response.mutable_trace()->set_trace(trace);
    if (request.leaving()) {
      response.set_state(has_others ? DRAINED : DRAINING);
      response.set_reason("no other server");
    }
    return response;
  }
  absl::StatusOr<ReportResponse> Report(const ReportRequest& report) override {
    absl::MutexLock lock(&mutex);
    ++report_calls;
    if (report_calls <= lost_reports) return absl::UnavailableError("lost");
    if (report.node() == forgotten) return absl::NotFoundError("who?");
    reports.push_back(report);
    return ReportResponse();
  }
  absl::StatusOr<DeregisterResponse> Deregister(
      const DeregisterRequest&) override {
    absl::MutexLock lock(&mutex);
    left = true;
    return DeregisterResponse();
  }

  template <typename Predicate>
  void Await(Predicate predicate) {
    absl::MutexLock lock(&mutex);
    EXPECT_TRUE(
        mutex.AwaitWithTimeout(absl::Condition(&predicate), absl::Seconds(20)));
  }

  absl::Mutex mutex;
  absl::Status registration_status;
  int registrations = 0;
  int unavailable_first = 0;
  int heartbeats = 0;
  uint64_t version = 1;
  uint64_t trace = 0;
  uint64_t forgotten = 0;
  bool takes_back = false;
  bool has_others = true;
  std::vector<uint64_t> former_nodes;
  bool left = false;
  int report_calls = 0;
  int lost_reports = 0;
  std::vector<ReportRequest> reports;
};

// What the loop hands over.
struct OrdersSeen {
  absl::Mutex mutex;
  std::vector<std::pair<uint64_t, uint64_t>> seen;  // node, version
};

MemberLoop::OnOrders Into(OrdersSeen* orders) {
  return [orders](uint64_t node, const Orders& order) {
    absl::MutexLock lock(&orders->mutex);
    orders->seen.emplace_back(node, order.version());
  };
}

void AwaitOrders(OrdersSeen* orders, size_t count) {
  absl::MutexLock lock(&orders->mutex);
  const auto there = [&] { return orders->seen.size() >= count; };
  EXPECT_TRUE(orders->mutex.AwaitWithTimeout(absl::Condition(&there),
                                             absl::Seconds(20)));
}

TEST(MemberLoopTest, WaitsForTheSchedulerAndHandsOverEachChange) {
  FakeScheduler scheduler;
  scheduler.unavailable_first = 3;
  OrdersSeen orders;
  MemberLoop loop(
      &scheduler, RegisterRequest(), Into(&orders), [] {}, RealThreads());
  AwaitOrders(&orders, 1);
  scheduler.Await([&] { return scheduler.heartbeats > 5; });
  {
    absl::MutexLock lock(&scheduler.mutex);
    scheduler.version = 7;
  }
  AwaitOrders(&orders, 2);
  loop.Stop();
  EXPECT_TRUE(scheduler.left);
  EXPECT_TRUE(loop.failure().ok());
  EXPECT_EQ(orders.seen,
            (std::vector<std::pair<uint64_t, uint64_t>>{{104, 1}, {104, 7}}));
}

TEST(MemberLoopTest, ADrainEndsWhenTheMemberHoldsNothing) {
  FakeScheduler scheduler;
  scheduler.has_others = false;
  OrdersSeen orders;
  MemberLoop loop(
      &scheduler, RegisterRequest(), Into(&orders), [] {}, RealThreads());
  AwaitOrders(&orders, 1);
  absl::Status status;
  do {  // until it has been told why
    status = loop.Drain(absl::Milliseconds(1));
  } while (status.message() != "no other server" && !status.ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  {
    absl::MutexLock lock(&scheduler.mutex);
    scheduler.has_others = true;
  }
  EXPECT_TRUE(loop.Drain(absl::Seconds(20)).ok());
  EXPECT_FALSE(scheduler.left);
}

TEST(MemberLoopTest, RegistersAnewWhenItIsForgottenAndDropsItsWork) {
  FakeScheduler scheduler;
  OrdersSeen orders;
  MemberLoop loop(
      &scheduler, RegisterRequest(), Into(&orders), [] {}, RealThreads());
  AwaitOrders(&orders, 1);
  {
    absl::MutexLock lock(&scheduler.mutex);
    scheduler.forgotten = 101;
  }
  AwaitOrders(&orders, 3);
  loop.Stop();
  // Nothing may go on under the lease that has ended.
  EXPECT_EQ(orders.seen, (std::vector<std::pair<uint64_t, uint64_t>>{
                             {101, 1}, {101, 0}, {102, 1}}));
}

TEST(MemberLoopTest, ItsWorkAndItsReportsGoOnIfItGetsItsNumberBack) {
  FakeScheduler scheduler;
  OrdersSeen orders;
  MemberLoop loop(
      &scheduler, RegisterRequest(), Into(&orders), [] {}, RealThreads());
  AwaitOrders(&orders, 1);
  {
    // As after a restart: it is unknown, and awaited.
    absl::MutexLock lock(&scheduler.mutex);
    scheduler.forgotten = 101;
    scheduler.takes_back = true;
  }
  ReportRequest report;
  report.set_job(7);
  loop.Report(report);
  EXPECT_TRUE(loop.ReportAndWait(report).ok());
  scheduler.Await([&] { return scheduler.reports.size() == 2; });
  {
    absl::MutexLock lock(&scheduler.mutex);
    scheduler.version = 2;
  }
  AwaitOrders(&orders, 2);
  loop.Stop();
  for (const ReportRequest& told : scheduler.reports) {
    EXPECT_EQ(told.node(), 101u);
  }
  EXPECT_EQ(scheduler.former_nodes, (std::vector<uint64_t>{0, 101}));
  EXPECT_EQ(orders.seen,
            (std::vector<std::pair<uint64_t, uint64_t>>{{101, 1}, {101, 2}}));
}

TEST(MemberLoopTest, WorkGoesOnWhileNoSchedulerAnswers) {
  FakeScheduler scheduler;
  OrdersSeen orders;
  MemberLoop loop(
      &scheduler, RegisterRequest(), Into(&orders), [] {}, RealThreads());
  AwaitOrders(&orders, 1);
  {
    absl::MutexLock lock(&scheduler.mutex);
    scheduler.forgotten = 101;
    scheduler.takes_back = true;
    scheduler.unavailable_first = 4;
  }
  scheduler.Await([&] { return scheduler.registrations == 5; });
  scheduler.Await([&] { return scheduler.forgotten == 0; });
  {
    absl::MutexLock lock(&scheduler.mutex);
    scheduler.version = 2;
  }
  AwaitOrders(&orders, 2);
  loop.Stop();
  EXPECT_EQ(orders.seen,
            (std::vector<std::pair<uint64_t, uint64_t>>{{101, 1}, {101, 2}}));
}

TEST(MemberLoopTest, WhatIsReportedUnderANumberThatIsLostIsRefused) {
  FakeScheduler scheduler;
  OrdersSeen orders;
  MemberLoop loop(
      &scheduler, RegisterRequest(), Into(&orders), [] {}, RealThreads());
  AwaitOrders(&orders, 1);
  {
    absl::MutexLock lock(&scheduler.mutex);
    scheduler.forgotten = 101;
  }
  // Sent as 101 or, once it has another number, as 102.
  const absl::Status status = loop.ReportAndWait(ReportRequest());
  EXPECT_TRUE(absl::IsNotFound(status) || scheduler.registrations == 2)
      << status;
  AwaitOrders(&orders, 3);
  loop.Stop();
  for (const ReportRequest& told : scheduler.reports) {
    EXPECT_EQ(told.node(), 102u);
  }
}

TEST(MemberLoopTest, TracesComeBesideTheOrdersAndEndWithTheLease) {
  FakeScheduler scheduler;
  OrdersSeen orders;
  OrdersSeen traces;
  MemberLoop loop(
      &scheduler, RegisterRequest(), Into(&orders), [] {}, RealThreads(),
      [&traces](uint64_t node, const TraceOrder& order) {
        absl::MutexLock lock(&traces.mutex);
        traces.seen.emplace_back(node, order.trace());
      });
  AwaitOrders(&orders, 1);
  {
    absl::MutexLock lock(&scheduler.mutex);
    scheduler.trace = 7;
  }
  AwaitOrders(&traces, 1);
  {
    absl::MutexLock lock(&scheduler.mutex);
    scheduler.trace = 0;
    scheduler.forgotten = 101;
  }
  AwaitOrders(&orders, 3);
  loop.Stop();
  ASSERT_GE(traces.seen.size(), 2u);
  EXPECT_EQ(traces.seen.front(), (std::pair<uint64_t, uint64_t>{101, 7}));
  EXPECT_EQ(traces.seen.back(), (std::pair<uint64_t, uint64_t>{101, 0}));
  // What the member works on did not change by it.
  EXPECT_EQ(orders.seen, (std::vector<std::pair<uint64_t, uint64_t>>{
                             {101, 1}, {101, 0}, {102, 1}}));
}

TEST(MemberLoopTest, ReportsInOrderEachUntilItIsAnswered) {
  FakeScheduler scheduler;
  scheduler.lost_reports = 4;
  OrdersSeen orders;
  MemberLoop loop(
      &scheduler, RegisterRequest(), Into(&orders), [] {}, RealThreads());
  AwaitOrders(&orders, 1);
  for (uint64_t job = 0; job < 10; ++job) {
    ReportRequest report;
    report.set_job(job);
    loop.Report(report);
  }
  scheduler.Await([&] { return scheduler.reports.size() == 10; });
  for (uint64_t job = 0; job < 10; ++job) {
    EXPECT_EQ(scheduler.reports[job].job(), job);
    EXPECT_EQ(scheduler.reports[job].node(), 101u);
  }
  EXPECT_TRUE(loop.ReportAndWait(ReportRequest()).ok());
  EXPECT_EQ(scheduler.reports.size(), 11u);
}

TEST(MemberLoopTest, ARefusalForGoodIsSaidOnce) {
  FakeScheduler scheduler;
  scheduler.registration_status =
      absl::FailedPreconditionError("another version");
  OrdersSeen orders;
  absl::Mutex mutex;
  int refusals = 0;
  MemberLoop loop(
      &scheduler, RegisterRequest(), Into(&orders),
      [&] {
        absl::MutexLock lock(&mutex);
        ++refusals;
      },
      RealThreads());
  {
    absl::MutexLock lock(&mutex);
    const auto refused = [&] { return refusals != 0; };
    EXPECT_TRUE(
        mutex.AwaitWithTimeout(absl::Condition(&refused), absl::Seconds(20)));
  }
  EXPECT_TRUE(absl::IsFailedPrecondition(loop.failure()));
  loop.Stop();
  EXPECT_EQ(refusals, 1);
  EXPECT_EQ(scheduler.registrations, 1);
}

}  // namespace
}  // namespace hawser
