#include "scheduler/state/traces.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scheduler/state/cluster_state_test_support.h"

namespace hawser {
namespace {

using testing::HasSubstr;

// A job of 8 steps on 2 workers and a server that are all there.
class TracesTest : public ClusterStateTest {
 protected:
  TracesTest() : TracesTest(Traces::Limits()) {}
  explicit TracesTest(Traces::Limits limits) : traces_(limits) {
    server_ = Join(SERVER);
    workers_ = JoinAll(WORKER, 2);
    EXPECT_TRUE(Submit(Spec("a", 2, 1)).ok());
    StartJob("a");
  }

  absl::StatusOr<StartTraceResponse> Start(uint32_t steps = 2) {
    return traces_.Start(Get("a"), steps, now_);
  }
  // One by one, every ten seconds.
  void StepsTo(uint64_t end) {
    for (uint64_t step = Get("a").progress().step(); step < end; ++step) {
      now_ += absl::Seconds(10);
      ASSERT_TRUE(DoSteps("a", step, step + 1).ok());
    }
  }
  void Follow() { traces_.Follow(state_, now_); }
  absl::Status Send(uint64_t node, uint64_t trace, uint32_t part, int spans,
                    bool last) {
    AddSpansRequest request;
    request.set_node(node);
    request.set_trace(trace);
    request.set_part(part);
    request.set_last(last);
    for (int i = 0; i < spans; ++i) request.add_spans()->set_kind(SPAN_PUSH);
    const absl::Status status = traces_.Add(request);
    Follow();
    return status;
  }
  void SendAll(uint64_t trace, int spans = 1) {
    for (const uint64_t node : {server_, workers_[0], workers_[1]}) {
      EXPECT_TRUE(Send(node, trace, 0, spans, /*last=*/true).ok());
    }
  }
  GetTraceResponse Read(uint64_t trace, uint32_t part = 0) {
    GetTraceResponse response;
    EXPECT_TRUE(traces_.Read(trace, part, &response).ok());
    return response;
  }
  // To the end of a trace that has been started: its members send.
  void CollectAll(uint64_t trace, int spans = 1) {
    EXPECT_TRUE(DoSteps("a", Get("a").progress().step(), 8).ok());
    Follow();
    SendAll(trace, spans);
    EXPECT_TRUE(traces_.IsCollected(trace));
  }
  std::string MissingOf(uint64_t trace, uint64_t node) {
    const GetTraceResponse response = Read(trace);
    for (const TraceMember& member : response.members()) {
      if (member.node() == node) return member.missing();
    }
    return "no such member";
  }

  Traces traces_;
  uint64_t server_ = 0;
  std::vector<uint64_t> workers_;
};

TEST_F(TracesTest, FromTheNextStepOnToItsMembersAndBack) {
  StepsTo(2);
  const size_t journalled = journal_.size();
  const uint64_t incarnation = PlanOf("a").incarnation();
  const auto started = Start(3);
  ASSERT_TRUE(started.ok()) << started.status();
  // Step 2 is being made, and may end within the lead.
  EXPECT_EQ(started->first_step(), 4u);
  EXPECT_EQ(started->steps(), 3u);
  EXPECT_EQ(traces_.TakeNews(),
            (std::set<uint64_t>{server_, workers_[0], workers_[1]}));
  const TraceOrder order = traces_.OrderFor(server_);
  EXPECT_EQ(order.trace(), started->trace());
  EXPECT_EQ(order.job(), Get("a").id());
  EXPECT_EQ(order.first_step(), 4u);
  EXPECT_EQ(order.end_step(), 7u);
  EXPECT_FALSE(order.collect());
  EXPECT_EQ(traces_.OrderFor(999).trace(), 0u);

  StepsTo(6);
  Follow();
  EXPECT_FALSE(traces_.OrderFor(server_).collect());
  StepsTo(7);
  Follow();
  EXPECT_TRUE(traces_.OrderFor(server_).collect());
  EXPECT_EQ(traces_.TakeNews().count(workers_[1]), 1u);

  EXPECT_TRUE(Send(server_, started->trace(), 0, 4, false).ok());
  EXPECT_TRUE(Send(server_, started->trace(), 0, 4, false).ok());  // a repeat
  EXPECT_TRUE(
      absl::IsFailedPrecondition(Send(server_, started->trace(), 2, 4, true)));
  EXPECT_TRUE(Send(server_, started->trace(), 1, 3, true).ok());
  EXPECT_EQ(traces_.OrderFor(server_).trace(), 0u);
  EXPECT_TRUE(Send(workers_[0], started->trace(), 0, 2, true).ok());
  EXPECT_EQ(Read(started->trace()).state(), COLLECTING);
  EXPECT_EQ(Read(started->trace()).parts(), 0u);
  EXPECT_TRUE(Send(workers_[1], started->trace(), 0, 0, true).ok());

  EXPECT_TRUE(traces_.IsCollected(started->trace()));
  EXPECT_EQ(traces_.TakeNews().count(Get("a").id()), 1u);
  GetTraceResponse read = Read(started->trace(), 0);
  EXPECT_EQ(read.parts(), 3u);
  EXPECT_EQ(read.members_size(), 3);
  EXPECT_EQ(read.node(), server_);
  EXPECT_EQ(read.spans_size(), 4);
  EXPECT_EQ(Read(started->trace(), 1).spans_size(), 3);
  EXPECT_EQ(Read(started->trace(), 2).node(), workers_[0]);
  EXPECT_EQ(Read(started->trace(), 3).spans_size(), 0);
  // Nothing of it is durable or changes what members work on.
  EXPECT_EQ(journal_.size(), journalled);
  EXPECT_EQ(PlanOf("a").incarnation(), incarnation);
}

TEST_F(TracesTest, FastJobsHaveALeadOfASecond) {
  for (uint64_t step = 0; step < 4; ++step) {
    now_ += absl::Milliseconds(500);
    ASSERT_TRUE(DoSteps("a", step, step + 1).ok());
  }
  const auto started = Start(1);
  ASSERT_TRUE(started.ok()) << started.status();
  // At 2 steps a second.
  EXPECT_EQ(started->first_step(), 4u + 1 + 2);
}

TEST_F(TracesTest, FewerStepsWhereTheJobEnds) {
  StepsTo(4);
  const auto started = Start(100);
  ASSERT_TRUE(started.ok()) << started.status();
  EXPECT_EQ(started->first_step(), 6u);
  EXPECT_EQ(started->steps(), 2u);
}

TEST_F(TracesTest, RefusesWhatCannotBe) {
  EXPECT_TRUE(absl::IsInvalidArgument(Start(0).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Start(Traces::kMaxSteps + 1).status()));
  ASSERT_TRUE(Submit(Spec("waits", 9, 1)).ok());
  const auto queued = traces_.Start(Get("waits"), 1, now_);
  EXPECT_TRUE(absl::IsFailedPrecondition(queued.status()));
  EXPECT_THAT(std::string(queued.status().message()),
              HasSubstr("hawser wait waits --for=running"));

  ASSERT_TRUE(Start().ok());
  const auto twice = Start();
  EXPECT_TRUE(absl::IsFailedPrecondition(twice.status()));
  EXPECT_THAT(std::string(twice.status().message()), HasSubstr("already"));

  ASSERT_TRUE(DoSteps("a", 0, 7).ok());
  EXPECT_THAT(std::string(Start().status().message()),
              HasSubstr("ends too soon"));
  Cancel("a");
  EXPECT_THAT(std::string(Start().status().message()), HasSubstr("cancelled"));
  GetTraceResponse response;
  EXPECT_TRUE(absl::IsNotFound(traces_.Read(77, 0, &response)));
  EXPECT_TRUE(absl::IsNotFound(Send(server_, 77, 0, 1, true)));
}

TEST_F(TracesTest, AMemberThatIsLostIsSaidToBe) {
  const auto started = Start();
  ASSERT_TRUE(started.ok());
  Leave(workers_[1]);
  Follow();
  EXPECT_THAT(MissingOf(started->trace(), workers_[1]), HasSubstr("left"));
  EXPECT_EQ(traces_.OrderFor(workers_[1]).trace(), 0u);
  EXPECT_TRUE(absl::IsFailedPrecondition(
      Send(workers_[1], started->trace(), 0, 1, true)));
  EXPECT_FALSE(traces_.IsCollected(started->trace()));
  ASSERT_TRUE(DoSteps("a", 0, 8).ok());
  Follow();
  EXPECT_TRUE(Send(server_, started->trace(), 0, 1, true).ok());
  EXPECT_TRUE(Send(workers_[0], started->trace(), 0, 1, true).ok());
  EXPECT_TRUE(traces_.IsCollected(started->trace()));
  EXPECT_EQ(MissingOf(started->trace(), server_), "");
}

TEST_F(TracesTest, AMemberThatSendsNothingIsNotWaitedForForEver) {
  const auto started = Start();
  ASSERT_TRUE(started.ok());
  ASSERT_TRUE(DoSteps("a", 0, 8).ok());
  Follow();
  EXPECT_TRUE(Send(workers_[0], started->trace(), 0, 1, true).ok());
  AddSpansRequest late;
  late.set_node(workers_[1]);
  late.set_trace(started->trace());
  late.set_missing("heard too late");
  EXPECT_TRUE(traces_.Add(late).ok());
  Follow();
  EXPECT_FALSE(traces_.IsCollected(started->trace()));
  EXPECT_EQ(traces_.NextDeadline(), now_ + Traces::kCollect);
  now_ += Traces::kCollect;
  Follow();
  EXPECT_TRUE(traces_.IsCollected(started->trace()));
  EXPECT_THAT(MissingOf(started->trace(), server_), HasSubstr("did not send"));
  EXPECT_EQ(MissingOf(started->trace(), workers_[1]), "heard too late");
  EXPECT_EQ(traces_.NextDeadline(), absl::InfiniteFuture());
}

TEST_F(TracesTest, EndsWhenTheJobDoesOrNobodyAsks) {
  const auto first = Start();
  ASSERT_TRUE(first.ok());
  now_ += Traces::kAbandoned / 2;
  EXPECT_TRUE(traces_.Renew(first->trace(), now_).ok());
  now_ += Traces::kAbandoned / 2;
  Follow();
  EXPECT_FALSE(traces_.OrderFor(server_).collect());
  now_ += Traces::kAbandoned / 2;
  Follow();
  EXPECT_TRUE(traces_.OrderFor(server_).collect());
  SendAll(first->trace());
  const auto second = Start();
  ASSERT_TRUE(second.ok()) << second.status();
  Cancel("a");
  Follow();
  EXPECT_TRUE(traces_.OrderFor(server_).collect());
}

class SmallTracesTest : public TracesTest {
 protected:
  SmallTracesTest() : TracesTest(Traces::Limits{.traces = 2, .bytes = 400}) {}
};

TEST_F(SmallTracesTest, TheOldestGoesForANewOne) {
  std::vector<uint64_t> traces;
  for (int i = 0; i < 3; ++i) {
    const auto started = Start(1);
    ASSERT_TRUE(started.ok()) << started.status();
    traces.push_back(started->trace());
    StepsTo(started->first_step() + 1);
    Follow();
    SendAll(started->trace());
  }
  EXPECT_FALSE(traces_.IsCollected(traces[0]));
  EXPECT_TRUE(traces_.IsCollected(traces[1]));
  EXPECT_TRUE(traces_.IsCollected(traces[2]));
}

TEST_F(SmallTracesTest, SpansBeyondTheBytesAreDroppedAndCounted) {
  const auto started = Start(1);
  ASSERT_TRUE(started.ok());
  CollectAll(started->trace(), 50);
  uint64_t dropped = 0;
  int kept = 0;
  const GetTraceResponse read = Read(started->trace());
  for (const TraceMember& member : read.members()) {
    EXPECT_TRUE(member.complete());
    dropped += member.dropped();
  }
  for (uint32_t part = 0; part < read.parts(); ++part) {
    kept += Read(started->trace(), part).spans_size();
  }
  EXPECT_GT(dropped, 0u);
  EXPECT_GT(kept, 0);
  EXPECT_EQ(kept + static_cast<int>(dropped), 150);
}

}  // namespace
}  // namespace hawser
