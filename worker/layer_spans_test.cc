#include "worker/layer_spans.h"

#include <tuple>
#include <vector>

#include "common/manual_clock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

// Waits and pushes take a hundred times as long as computing.
class SlowObserver : public LayerObserver {
 public:
  explicit SlowObserver(ManualClock* clock) : clock_(clock) {}
  bool AwaitParameters(int layer) override {
    awaited.push_back(layer);
    clock_->Advance(absl::Nanoseconds(100));
    return true;
  }
  void GradientDone(int layer) override {
    done.push_back(layer);
    clock_->Advance(absl::Nanoseconds(100));
  }
  std::vector<int> awaited, done;

 private:
  ManualClock* const clock_;
};

TEST(LayerSpansTest, EachLayerHasItsTimeAndTheObserverItsOwn) {
  ManualClock clock;
  TraceRecorder recorder(&clock);
  recorder.Start(/*job=*/1, 5, 6);
  SlowObserver observer(&clock);
  {
    LayerSpans spans({&recorder, 1, 5}, 3, &observer);
    for (const int layer : {0, 1, 2}) {
      EXPECT_TRUE(spans.AwaitParameters(layer));
      clock.Advance(absl::Nanoseconds(1));
    }
    for (const int layer : {2, 1, 0}) {
      clock.Advance(absl::Nanoseconds(1));
      spans.GradientDone(layer);
    }
  }
  EXPECT_EQ(observer.awaited, (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(observer.done, (std::vector<int>{2, 1, 0}));
  const auto recorded = recorder.Stop().spans;
  const std::vector<std::tuple<SpanKind, int, int64_t>> expected = {
      {SPAN_AWAIT_PULL, 0, 100}, {SPAN_FORWARD, 0, 1},
      {SPAN_AWAIT_PULL, 1, 100}, {SPAN_FORWARD, 1, 1},
      {SPAN_AWAIT_PULL, 2, 100}, {SPAN_LAST_LAYER, 2, 2},
      {SPAN_MERGE, 2, 100},      {SPAN_BACKWARD, 1, 1},
      {SPAN_MERGE, 1, 100},      {SPAN_BACKWARD, 0, 1},
      {SPAN_MERGE, 0, 100}};
  ASSERT_EQ(recorded.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(std::make_tuple(recorded[i].kind, recorded[i].layer,
                              recorded[i].end_ns - recorded[i].begin_ns),
              expected[i]);
  }
}

TEST(LayerSpansTest, TellsTheObserverWhenNothingIsRecorded) {
  ManualClock clock;
  SlowObserver observer(&clock);
  LayerSpans spans(TraceScope(), 1, &observer);
  EXPECT_TRUE(spans.AwaitParameters(0));
  spans.GradientDone(0);
  EXPECT_EQ(observer.awaited.size(), 1u);
  EXPECT_EQ(observer.done.size(), 1u);
}

}  // namespace
}  // namespace hawser
