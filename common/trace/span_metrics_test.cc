#include "common/trace/span_metrics.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(SpanMetricsTest, APhaseThatWasNeverSeenHasNoSeries) {
  SpanTimes times;
  times.Add(SPAN_AWAIT_PULL, 0, 1'000'000, 0);
  times.Add(SPAN_PUSH, 1, 1'000'000, 70);
  times.Add(SPAN_RECEIVE, 2, 1'000'000, 50);
  times.Add(SPAN_AGGREGATE, 3, 1'000'000, 70);
  MetricFamilies of_worker;
  CollectWorkerSpans(times, &of_worker);
  const std::string worker = of_worker.Text();
  EXPECT_THAT(worker, HasSubstr("hawser_worker_phase_seconds_count{"
                                "phase=\"await_pull\"} 1\n"));
  EXPECT_THAT(worker, HasSubstr("hawser_worker_phase_seconds_sum{"
                                "phase=\"push\"} 0.001\n"));
  EXPECT_THAT(worker, HasSubstr("hawser_worker_sent_bytes_total 70\n"));
  EXPECT_THAT(worker, HasSubstr("hawser_worker_received_bytes_total 50\n"));
  EXPECT_THAT(worker, Not(HasSubstr("forward")));
  EXPECT_THAT(worker, Not(HasSubstr("aggregate")));

  MetricFamilies of_server;
  CollectServerSpans(times, &of_server);
  EXPECT_THAT(of_server.Text(), HasSubstr("hawser_server_phase_seconds_count{"
                                          "phase=\"aggregate\"} 1\n"));
  EXPECT_THAT(of_server.Text(), Not(HasSubstr("push\"")));
}

}  // namespace
}  // namespace hawser
