#include "common/trace/trace_recorder.h"

#include <map>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr uint64_t kJob = 5;

// Each reading is a microsecond later, whoever reads.
class CountingClock : public Clock {
 public:
  absl::Time Now() const override {
    return absl::FromUnixMicros(1'000'000 + ++readings_);
  }
  int64_t readings() const { return readings_; }

 private:
  mutable std::atomic<int64_t> readings_{0};
};

class TraceRecorderTest : public testing::Test {
 protected:
  TraceScope At(uint64_t step) { return {&recorder_, kJob, step}; }

  CountingClock clock_;
  TraceRecorder recorder_{&clock_};
};

TEST_F(TraceRecorderTest, RecordsNothingUnlessAsked) {
  {
    TraceSpan span(At(1), SPAN_FORWARD);
    span.End();
    const TraceSpan other(At(1), SPAN_FORWARD, {.layer = 1});
  }
  EXPECT_EQ(clock_.readings(), 0);
  EXPECT_TRUE(recorder_.Stop().spans.empty());
  { const TraceSpan span(TraceScope(), SPAN_FORWARD); }
}

TEST_F(TraceRecorderTest, RecordsStepsOfTheWindowOfTheJob) {
  recorder_.Start(kJob, 3, 5);
  for (uint64_t step = 0; step < 8; ++step) {
    const TraceSpan span(At(step), SPAN_FORWARD, {.layer = 2});
    const TraceSpan other({&recorder_, kJob + 1, step}, SPAN_FORWARD);
  }
  const auto recording = recorder_.Stop();
  ASSERT_EQ(recording.spans.size(), 2u);
  EXPECT_EQ(recording.spans[0].step, 3u);
  EXPECT_EQ(recording.spans[1].step, 4u);
  EXPECT_EQ(recording.spans[0].layer, 2);
  EXPECT_EQ(recording.spans[0].block, RecordedSpan::kNone);
  EXPECT_EQ(recording.spans[0].end_ns - recording.spans[0].begin_ns, 1000);
  EXPECT_EQ(recording.dropped, 0u);
}

TEST_F(TraceRecorderTest, SpansOfAThreadNest) {
  recorder_.Start(kJob, 0, 1);
  {
    const TraceSpan outer(At(0), SPAN_STEP);
    TraceSpan first(At(0), SPAN_PUSH, {.block = 1, .node = 7, .bytes = 12});
    first.End();
    const TraceSpan second(At(0), SPAN_MERGE);
  }
  const auto spans = recorder_.Stop().spans;
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_EQ(spans[0].kind, SPAN_PUSH);
  EXPECT_EQ(spans[0].node, 7u);
  EXPECT_EQ(spans[0].bytes, 12u);
  EXPECT_LE(spans[0].end_ns, spans[1].begin_ns);
  EXPECT_EQ(spans[2].kind, SPAN_STEP);
  EXPECT_LT(spans[2].begin_ns, spans[0].begin_ns);
  EXPECT_GT(spans[2].end_ns, spans[1].end_ns);
}

TEST_F(TraceRecorderTest, ASpanOfARecordingThatIsOverIsDropped) {
  recorder_.Start(kJob, 0, 9);
  TraceSpan late(At(0), SPAN_FORWARD);
  EXPECT_TRUE(recorder_.Stop().spans.empty());
  recorder_.Start(kJob, 0, 9);
  late.End();
  { const TraceSpan span(At(1), SPAN_BACKWARD); }
  const auto spans = recorder_.Stop().spans;
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0].kind, SPAN_BACKWARD);
}

TEST_F(TraceRecorderTest, WhatDoesNotFitIsCounted) {
  recorder_.Start(kJob, 0, 1);
  for (size_t i = 0; i < TraceRecorder::kCapacity + 10; ++i) {
    const TraceSpan span(At(0), SPAN_FORWARD);
  }
  const auto full = recorder_.Stop();
  EXPECT_EQ(full.spans.size(), TraceRecorder::kCapacity);
  EXPECT_EQ(full.dropped, 10u);
  recorder_.Start(kJob, 0, 1);
  { const TraceSpan span(At(0), SPAN_FORWARD); }
  EXPECT_EQ(recorder_.Stop().spans.size(), 1u);
}

TEST_F(TraceRecorderTest, ThreadsLoseNothing) {
  constexpr int kThreads = 4;
  constexpr int64_t kSpans = 5000;
  recorder_.Start(kJob, 0, 1);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int64_t i = 0; i < kSpans; ++i) {
        const TraceSpan span(At(0), SPAN_PUSH,
                             {.layer = t, .block = i, .bytes = 1});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto recording = recorder_.Stop();
  EXPECT_EQ(recording.dropped, 0u);
  ASSERT_EQ(recording.spans.size(), static_cast<size_t>(kThreads * kSpans));
  std::map<uint32_t, std::set<int32_t>> blocks;  // by thread
  std::map<uint32_t, std::set<int32_t>> layers;
  for (const RecordedSpan& span : recording.spans) {
    blocks[span.thread].insert(span.block);
    layers[span.thread].insert(span.layer);
    EXPECT_EQ(span.bytes, 1u);
  }
  ASSERT_EQ(blocks.size(), static_cast<size_t>(kThreads));
  for (const auto& [thread, of_thread] : blocks) {
    EXPECT_EQ(of_thread.size(), static_cast<size_t>(kSpans));
    EXPECT_EQ(layers[thread].size(), 1u);
  }
}

// Meant for TSan: who writes while it ends is either in or out.
TEST_F(TraceRecorderTest, StartsAndEndsWhileThreadsWrite) {
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (!over) {
        const TraceSpan span(At(0), SPAN_PUSH, {.bytes = 7});
      }
    });
  }
  size_t recorded = 0;
  while (recorded < 1000) {
    recorder_.Start(kJob, 0, 1);
    std::this_thread::yield();
    for (const RecordedSpan& span : recorder_.Stop().spans) {
      EXPECT_EQ(span.bytes, 7u);
      EXPECT_EQ(span.kind, SPAN_PUSH);
      ++recorded;
    }
  }
  over = true;
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace hawser
