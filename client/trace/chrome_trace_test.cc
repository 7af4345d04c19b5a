#include "client/trace/chrome_trace.h"

#include <string>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::json;

CollectedTrace::Member MemberOf(uint64_t node, bool is_server) {
  CollectedTrace::Member member;
  member.info.set_node(node);
  member.info.set_is_server(is_server);
  member.info.set_host("here \"quoted\"");
  member.info.set_complete(true);
  return member;
}

RecordedSpan SpanOf(SpanKind kind, uint64_t step, int64_t begin, int64_t end) {
  RecordedSpan span;
  span.kind = kind;
  span.step = step;
  span.thread = 4;
  span.begin_ns = begin;
  span.end_ns = end;
  return span;
}

// A worker, a server, one block of one layer.
CollectedTrace SmallTrace() {
  constexpr int64_t kStart = 1'700'000'000'000'000'001;
  CollectedTrace trace;
  trace.job = "a";
  trace.first_step = 7;
  trace.steps = 1;
  trace.plan.add_layers()->set_name("blocks.0");
  trace.plan.add_blocks();
  CollectedTrace::Member worker = MemberOf(1, false);
  worker.spans.push_back(SpanOf(SPAN_STEP, 7, kStart, kStart + 10'000));
  worker.spans.push_back(SpanOf(SPAN_FORWARD, 7, kStart + 1001, kStart + 2000));
  worker.spans.back().layer = 0;
  for (const int64_t at : {3000, 4000}) {  // two partial sums
    worker.spans.push_back(
        SpanOf(SPAN_PUSH, 7, kStart + at, kStart + at + 100));
    worker.spans.back().block = 0;
    worker.spans.back().node = 2;
    worker.spans.back().bytes = 64;
  }
  worker.spans.push_back(SpanOf(SPAN_RECEIVE, 8, kStart + 9000, kStart + 9500));
  worker.spans.back().block = 0;
  CollectedTrace::Member server = MemberOf(2, true);
  for (const int64_t at : {3500, 4500}) {
    server.spans.push_back(
        SpanOf(SPAN_AGGREGATE, 7, kStart + at, kStart + at + 100));
    server.spans.back().block = 0;
    server.spans.back().node = 1;
  }
  server.spans.push_back(
      SpanOf(SPAN_OPTIMIZER, 7, kStart + 5000, kStart + 6000));
  server.spans.back().block = 0;
  trace.members = {worker, server};
  PlaceSpans(&trace);
  return trace;
}

Json Written(const CollectedTrace& trace) {
  std::string text;
  EXPECT_TRUE(WriteChromeTrace(trace, [&text](absl::string_view piece) {
                text.append(piece.data(), piece.size());
                return absl::OkStatus();
              }).ok());
  return Json::parse(text);
}

TEST(ChromeTraceTest, SpansHaveNamesTimesAndArguments) {
  const Json trace = Written(SmallTrace());
  EXPECT_EQ(trace["otherData"]["job"], "a");
  std::map<std::string, Json> spans;
  for (const Json& event : trace["traceEvents"]) {
    if (event["ph"] == "X") spans[event["name"]] = event;
  }
  const Json& forward = spans["forward blocks.0"];
  EXPECT_EQ(forward["cat"], "compute");
  EXPECT_EQ(forward["pid"], 1);
  EXPECT_EQ(forward["tid"], 4);
  EXPECT_EQ(forward["ts"], 1.001);
  EXPECT_EQ(forward["dur"], 0.999);
  EXPECT_EQ(forward["args"]["step"], 7);
  EXPECT_EQ(forward["args"]["layer"], "blocks.0");
  const Json& push = spans["push block 0"];
  EXPECT_EQ(push["args"]["layer"], "blocks.0");
  EXPECT_EQ(push["args"]["bytes"], 64);
  EXPECT_EQ(push["args"]["node"], 2);
  EXPECT_EQ(spans["step 7"]["ts"], 0);
  EXPECT_EQ(spans.count("optimizer block 0"), 1u);
}

TEST(ChromeTraceTest, ProcessesAndThreadsAreNamed) {
  std::map<std::string, std::vector<std::string>> names;
  const Json trace = Written(SmallTrace());
  for (const Json& event : trace["traceEvents"]) {
    if (event["ph"] == "M" && event["args"].contains("name")) {
      names[event["name"]].push_back(event["args"]["name"]);
    }
  }
  EXPECT_EQ(
      names["process_name"],
      (std::vector<std::string>{"worker 1 (here \"quoted\", process 0)",
                                "server 2 (here \"quoted\", process 0)"}));
  EXPECT_EQ(names["thread_name"],
            (std::vector<std::string>{"training", "blocks"}));
}

TEST(ChromeTraceTest, ArrowsLeadFromEachPushToItsSumAndFromTheOptimizer) {
  const Json trace = Written(SmallTrace());
  std::map<int, std::pair<double, double>> arrows;  // by id: from, to
  for (const Json& event : trace["traceEvents"]) {
    if (event["ph"] == "s") arrows[event["id"]].first = event["ts"];
    if (event["ph"] == "f") {
      arrows[event["id"]].second = event["ts"];
      EXPECT_EQ(event["bp"], "e");
    }
  }
  std::vector<std::pair<double, double>> ends;
  for (const auto& [id, arrow] : arrows) ends.push_back(arrow);
  EXPECT_EQ(ends, (std::vector<std::pair<double, double>>{
                      {3.0, 3.5}, {4.0, 4.5}, {5.0, 9.0}}));
}

TEST(ChromeTraceTest, AnErrorOfWritingEndsIt) {
  int pieces = 0;
  const absl::Status status =
      WriteChromeTrace(SmallTrace(), [&pieces](absl::string_view) {
        return ++pieces == 3 ? absl::ResourceExhaustedError("disk full")
                             : absl::OkStatus();
      });
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_EQ(pieces, 3);
}

TEST(ChromeTraceTest, AnEmptyTraceIsOne) {
  EXPECT_TRUE(Written(CollectedTrace())["traceEvents"].empty());
}

}  // namespace
}  // namespace hawser
