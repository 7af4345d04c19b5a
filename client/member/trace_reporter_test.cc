#include "client/member/trace_reporter.h"

#include <thread>
#include <vector>

#include "client/control/unimplemented_scheduler_client.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr uint64_t kJob = 4;
constexpr uint64_t kNode = 17;
constexpr absl::Duration kAhead = absl::Seconds(4000);

// A microsecond passes with each reading.
class SteppedClock : public Clock {
 public:
  explicit SteppedClock(absl::Time start) : start_(start) {}
  absl::Time Now() const override {
    return start_ + absl::Microseconds(++readings_);
  }

 private:
  const absl::Time start_;
  mutable std::atomic<int64_t> readings_{0};
};

class FakeScheduler : public UnimplementedSchedulerClient {
 public:
  // Its own clock is ahead of this one.
  explicit FakeScheduler(const Clock* clock) : clock_(clock) {}

  absl::StatusOr<GetVersionResponse> GetVersion(
      const GetVersionRequest&) override {
    GetVersionResponse response;
    response.set_unix_ns(
        static_cast<uint64_t>(absl::ToUnixNanos(clock_->Now() + kAhead)));
    return response;
  }
  absl::StatusOr<AddSpansResponse> AddSpans(
      const AddSpansRequest& request) override {
    absl::MutexLock lock(&mutex);
    if (unavailable > 0) {
      --unavailable;
      return absl::UnavailableError("not now");
    }
    parts.push_back(request);
    return AddSpansResponse();
  }
  void AwaitEnd() {
    absl::MutexLock lock(&mutex);
    const auto ended = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return !parts.empty() &&
             (parts.back().last() || !parts.back().missing().empty());
    };
    EXPECT_TRUE(
        mutex.AwaitWithTimeout(absl::Condition(&ended), absl::Seconds(20)));
  }

  absl::Mutex mutex;
  int unavailable ABSL_GUARDED_BY(mutex) = 0;
  std::vector<AddSpansRequest> parts ABSL_GUARDED_BY(mutex);

 private:
  const Clock* const clock_;
};

class TraceReporterTest : public testing::Test {
 protected:
  void Order(uint64_t trace, bool collect) {
    TraceOrder order;
    order.set_trace(trace);
    order.set_job(kJob);
    order.set_first_step(1);
    order.set_end_step(1000000);
    order.set_collect(collect);
    reporter_.Follow(kNode, order);
  }
  bool IsRecording() {
    const absl::Time before = clock_.Now();
    { const TraceSpan span({&recorder_, kJob, 1}, SPAN_FORWARD); }
    // A span that is not recorded does not read the clock.
    return clock_.Now() - before > absl::Microseconds(1);
  }
  // The reporter has a thread of its own: waits for the first of them.
  void RecordSome(size_t count) {
    while (!IsRecording()) std::this_thread::yield();
    recorded_ = 1;
    while (recorded_ < count) {
      const TraceSpan span({&recorder_, kJob, 1 + recorded_++}, SPAN_FORWARD);
    }
  }

  SteppedClock clock_{absl::FromUnixSeconds(1000)};
  FakeScheduler scheduler_{&clock_};
  TraceRecorder recorder_{&clock_};
  size_t recorded_ = 0;
  TraceReporter reporter_{&scheduler_, &recorder_, &clock_, RealThreads()};
};

TEST_F(TraceReporterTest, SendsEverySpanOnceInParts) {
  constexpr size_t kSpans = 2 * TraceReporter::kSpansInPart + 5;
  Order(9, /*collect=*/false);
  RecordSome(kSpans);
  {
    absl::MutexLock lock(&scheduler_.mutex);
    scheduler_.unavailable = 2;
  }
  Order(9, /*collect=*/true);
  scheduler_.AwaitEnd();
  absl::MutexLock lock(&scheduler_.mutex);
  ASSERT_EQ(scheduler_.parts.size(), 3u);
  uint64_t step = 0;
  for (size_t i = 0; i < scheduler_.parts.size(); ++i) {
    const AddSpansRequest& part = scheduler_.parts[i];
    EXPECT_EQ(part.part(), i);
    EXPECT_EQ(part.node(), kNode);
    EXPECT_EQ(part.trace(), 9u);
    EXPECT_EQ(part.last(), i == 2);
    for (const Span& span : part.spans()) EXPECT_EQ(span.step(), ++step);
  }
  EXPECT_EQ(step, kSpans);
}

TEST_F(TraceReporterTest, TellsHowFarItsClockIsOff) {
  Order(9, /*collect=*/false);
  RecordSome(1);
  Order(9, /*collect=*/true);
  scheduler_.AwaitEnd();
  absl::MutexLock lock(&scheduler_.mutex);
  const AddSpansRequest& part = scheduler_.parts.back();
  const int64_t off = part.clock_offset_ns() - absl::ToInt64Nanoseconds(kAhead);
  EXPECT_LE(std::abs(off), static_cast<int64_t>(part.clock_error_ns()));
  EXPECT_LE(part.clock_error_ns(), 1000u);
}

TEST_F(TraceReporterTest, SaysSoIfItHeardTooLate) {
  Order(9, /*collect=*/true);
  scheduler_.AwaitEnd();
  absl::MutexLock lock(&scheduler_.mutex);
  EXPECT_NE(scheduler_.parts.back().missing(), "");
}

TEST_F(TraceReporterTest, DropsWhatNobodyWantsAnyMore) {
  Order(9, /*collect=*/false);
  RecordSome(10);
  reporter_.Follow(kNode, TraceOrder());
  while (IsRecording()) std::this_thread::yield();
  Order(9, /*collect=*/true);
  scheduler_.AwaitEnd();
  absl::MutexLock lock(&scheduler_.mutex);
  ASSERT_EQ(scheduler_.parts.size(), 1u);
  EXPECT_EQ(scheduler_.parts[0].spans_size(), 0);
  EXPECT_NE(scheduler_.parts[0].missing(), "");
}

}  // namespace
}  // namespace hawser
