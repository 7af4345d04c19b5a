#include "common/trace/span_times.h"

#include <thread>
#include <vector>

#include "common/trace/trace_recorder.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

// Each reading is a millisecond later, whoever reads.
class CountingClock : public Clock {
 public:
  absl::Time Now() const override {
    return absl::FromUnixMillis(1'000'000 + ++readings_);
  }

 private:
  mutable std::atomic<int64_t> readings_{0};
};

TEST(SpanTimesTest, SpansCountWhetherATraceIsRecordedOrNot) {
  const CountingClock clock;
  SpanTimes times;
  TraceRecorder recorder(&clock, &times);
  for (uint64_t step = 0; step < 3; ++step) {
    if (step == 1) recorder.Start(5, 1, 2);
    const TraceSpan span({&recorder, 5, step}, SPAN_PUSH, {.bytes = 100});
  }
  EXPECT_EQ(recorder.Stop().spans.size(), 1u);
  const HistogramValues pushes = times.SecondsOf(SPAN_PUSH);
  EXPECT_EQ(pushes.count(), 3u);
  EXPECT_NEAR(pushes.sum, 0.003, 1e-9);
  EXPECT_EQ(times.BytesOf(SPAN_PUSH), 300u);
  EXPECT_EQ(times.SecondsOf(SPAN_FORWARD).count(), 0u);
  EXPECT_EQ(times.BytesOf(SPAN_FORWARD), 0u);
}

TEST(SpanTimesTest, ASpanThatHasEndedCountsOnce) {
  const CountingClock clock;
  SpanTimes times;
  TraceRecorder recorder(&clock, &times);
  {
    TraceSpan span({&recorder, 5, 0}, SPAN_STEP);
    span.End();
    span.End();
  }
  EXPECT_EQ(times.SecondsOf(SPAN_STEP).count(), 1u);
}

TEST(SpanTimesTest, ThreadsLoseNothing) {
  SpanTimes times;
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 20; ++t) {
    threads.emplace_back([&times, t] {
      for (int i = 0; i < 1000; ++i) {
        times.Add(SPAN_AGGREGATE, t, 1000, 3);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(times.SecondsOf(SPAN_AGGREGATE).count(), 20000u);
  EXPECT_EQ(times.BytesOf(SPAN_AGGREGATE), 60000u);
}

TEST(SpanTimesTest, AKindThatIsUnknownCountsNowhere) {
  SpanTimes times;
  const auto unknown = static_cast<SpanKind>(SpanKind_MAX + 1);
  times.Add(unknown, 0, 1000, 3);
  EXPECT_EQ(times.SecondsOf(unknown).count(), 0u);
  EXPECT_EQ(times.BytesOf(unknown), 0u);
}

}  // namespace
}  // namespace hawser
