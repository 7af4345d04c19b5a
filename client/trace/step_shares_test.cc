#include "client/trace/step_shares.h"

#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr double kExact = 1e-9;

// A trace put together by hand: times in nanoseconds.
class StepSharesTest : public testing::Test {
 protected:
  CollectedTrace::Member& Add(uint64_t node, bool is_server) {
    trace_.members.emplace_back();
    trace_.members.back().info.set_node(node);
    trace_.members.back().info.set_is_server(is_server);
    trace_.members.back().info.set_complete(true);
    return trace_.members.back();
  }
  static void Span(CollectedTrace::Member* member, SpanKind kind, uint64_t step,
                   int64_t begin, int64_t end, uint32_t thread = 1) {
    RecordedSpan span;
    span.kind = kind;
    span.step = step;
    span.begin_ns = begin;
    span.end_ns = end;
    span.thread = thread;
    member->spans.push_back(span);
  }
  StepShares Shares() {
    PlaceSpans(&trace_);
    return SharesOf(trace_);
  }

  CollectedTrace trace_;
};

TEST_F(StepSharesTest, AMomentCountsForTheInnermostSpanOfTheTrainingThread) {
  trace_.first_step = 4;
  trace_.steps = 2;
  CollectedTrace::Member& worker = Add(1, false);
  // Step 4 begins at 1000, the next one at 2000.
  Span(&worker, SPAN_AWAIT_PULL, 4, 1000, 1100);
  Span(&worker, SPAN_FORWARD, 4, 1100, 1500);
  Span(&worker, SPAN_MERGE, 4, 1450, 1500);  // within the forward pass
  Span(&worker, SPAN_BACKWARD, 4, 1500, 1900);
  Span(&worker, SPAN_STEP, 4, 1000, 1950);
  Span(&worker, SPAN_PUSH, 4, 1200, 1900, /*thread=*/2);  // costs nothing
  Span(&worker, SPAN_FORWARD, 5, 2000, 2200);
  Span(&worker, SPAN_STEP, 5, 2000, 2400);
  const StepShares shares = Shares();
  ASSERT_EQ(shares.members.size(), 1u);
  const MemberShares& member = shares.members[0];
  EXPECT_EQ(member.steps, 2);
  EXPECT_NEAR(member.step_seconds.max, 1000e-9, 1e-15);
  EXPECT_NEAR(member.step_seconds.min, 400e-9, 1e-15);
  const auto of = [&](SpanCategory category) {
    return member.shares.count(category) != 0 ? member.shares.at(category).max
                                              : 0;
  };
  EXPECT_NEAR(of(SpanCategory::kCompute), 0.75, kExact);
  EXPECT_NEAR(of(SpanCategory::kPull), 0.1, kExact);
  EXPECT_NEAR(of(SpanCategory::kMerge), 0.05, kExact);
  EXPECT_EQ(of(SpanCategory::kPush), 0);
  EXPECT_NEAR(member.other.min, 0.1, kExact);
  EXPECT_NEAR(member.not_compute.min, 0.25, kExact);
  EXPECT_NEAR(member.not_compute.max, 0.5, kExact);
  EXPECT_NEAR(shares.not_compute.median, 0.375, kExact);
}

TEST_F(StepSharesTest, AServerIsIdleWhileNoneOfItsThreadsIsBusy) {
  CollectedTrace::Member& worker = Add(1, false);
  Span(&worker, SPAN_STEP, 0, 0, 1000);
  CollectedTrace::Member& server = Add(2, true);
  Span(&server, SPAN_AGGREGATE, 0, 100, 300, 1);
  Span(&server, SPAN_AGGREGATE, 0, 200, 400, 2);  // beside the first
  Span(&server, SPAN_OPTIMIZER, 0, 500, 600, 1);
  Span(&server, SPAN_ANSWER, 0, 950, 1200, 1);  // half of it in the step
  const StepShares shares = Shares();
  ASSERT_EQ(shares.members.size(), 2u);
  const MemberShares& member = shares.members[1];
  EXPECT_NEAR(member.shares.at(SpanCategory::kAggregate).median, 0.4, kExact);
  EXPECT_NEAR(member.shares.at(SpanCategory::kOptimizer).median, 0.1, kExact);
  EXPECT_NEAR(member.shares.at(SpanCategory::kAnswer).median, 0.05, kExact);
  EXPECT_NEAR(member.idle.median, 1 - 0.3 - 0.1 - 0.05, kExact);
}

TEST_F(StepSharesTest, NothingIsDividedByNothing) {
  Add(1, false);
  Add(2, true);
  const StepShares shares = Shares();
  EXPECT_EQ(shares.members.size(), 2u);
  EXPECT_EQ(shares.members[0].steps, 0);
  EXPECT_EQ(shares.not_compute.max, 0);
}

TEST_F(StepSharesTest, ClocksThatAreOffAreCorrected) {
  CollectedTrace::Member& near = Add(1, false);
  near.info.set_clock_offset_ns(40);
  near.info.set_clock_error_ns(50);
  Span(&near, SPAN_STEP, 0, 1000, 2000);
  CollectedTrace::Member& far = Add(2, false);
  far.info.set_clock_offset_ns(-5000);
  far.info.set_clock_error_ns(50);
  Span(&far, SPAN_STEP, 0, 6000, 7000);
  PlaceSpans(&trace_);
  EXPECT_EQ(trace_.members[0].spans[0].begin_ns, 1000);
  EXPECT_EQ(trace_.members[1].spans[0].begin_ns, 1000);
}

TEST_F(StepSharesTest, TellsWhatIsMissing) {
  trace_.first_step = 3;
  trace_.steps = 2;
  CollectedTrace::Member& whole = Add(1, false);
  Span(&whole, SPAN_STEP, 3, 0, 1);
  Span(&whole, SPAN_STEP, 4, 1, 2);
  EXPECT_TRUE(Gaps(trace_).empty());
  CollectedTrace::Member& late = Add(2, false);
  Span(&late, SPAN_STEP, 4, 1, 2);
  late.info.set_dropped(7);
  Add(3, true).info.set_missing("left the cluster");
  const auto gaps = Gaps(trace_);
  ASSERT_EQ(gaps.size(), 3u);
  EXPECT_NE(gaps[0].find("worker 2 had 7 spans more"), std::string::npos);
  EXPECT_NE(gaps[1].find("worker 2 recorded nothing in 1 of 2 steps (3)"),
            std::string::npos);
  EXPECT_NE(gaps[2].find("server 3 is missing"), std::string::npos);
}

TEST(SpreadTest, OfNoneOneTwoAndThree) {
  EXPECT_EQ(SpreadOf({}).max, 0);
  EXPECT_EQ(SpreadOf({3}).median, 3);
  EXPECT_EQ(SpreadOf({3, 1}).median, 2);
  EXPECT_EQ(SpreadOf({9, 1, 2}).median, 2);
}

}  // namespace
}  // namespace hawser
