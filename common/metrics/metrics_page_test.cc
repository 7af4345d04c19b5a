#include "common/metrics/metrics_page.h"

#include <string>

#include "absl/strings/numbers.h"
#include "common/metrics/metric_families.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::HasSubstr;

TEST(MetricFamiliesTest, ReadAsPrometheusReads) {
  MetricFamilies families;
  families.Gauge("hawser_job_step", "Steps made.", 7, {{"job", "a"}});
  families.Counter("hawser_pushes_total", "Pushes.", 3);
  families.Gauge("hawser_job_step", "Steps made.", 9, {{"job", "b"}});
  EXPECT_EQ(families.Text(),
            "# HELP hawser_job_step Steps made.\n"
            "# TYPE hawser_job_step gauge\n"
            "hawser_job_step{job=\"a\"} 7\n"
            "hawser_job_step{job=\"b\"} 9\n"
            "# HELP hawser_pushes_total Pushes.\n"
            "# TYPE hawser_pushes_total counter\n"
            "hawser_pushes_total 3\n");
}

TEST(MetricFamiliesTest, BucketsOfAHistogramAddUp) {
  MetricFamilies families;
  families.Histogram("hawser_staleness", "Staleness.", {{0, 1}, {5, 2, 1}, 8.5},
                     {{"job", "a"}});
  EXPECT_EQ(families.Text(),
            "# HELP hawser_staleness Staleness.\n"
            "# TYPE hawser_staleness histogram\n"
            "hawser_staleness_count{job=\"a\"} 8\n"
            "hawser_staleness_sum{job=\"a\"} 8.5\n"
            "hawser_staleness_bucket{job=\"a\",le=\"0\"} 5\n"
            "hawser_staleness_bucket{job=\"a\",le=\"1\"} 7\n"
            "hawser_staleness_bucket{job=\"a\",le=\"+Inf\"} 8\n");
}

TEST(MetricFamiliesTest, ALabelCannotEndItsQuotes) {
  MetricFamilies families;
  families.Gauge("hawser_x", "X.", 1, {{"job", "a\"} 9\nhawser_y 1"}});
  EXPECT_THAT(families.Text(),
              HasSubstr("hawser_x{job=\"a\\\"} 9\\nhawser_y 1\"} 1\n"));
}

double ValueOf(const std::string& text, const std::string& series) {
  double value = -1;
  const size_t at = text.find("\n" + series + " ");
  if (at == std::string::npos) return value;
  const size_t begin = at + series.size() + 2;
  EXPECT_TRUE(absl::SimpleAtod(
      text.substr(begin, text.find('\n', begin) - begin), &value));
  return value;
}

TEST(MetricsPageTest, TellsOfTheProcessAndOfEachComponent) {
  MetricsPage page("server");
  int scrapes = 0;
  page.Add([&](MetricFamilies* families) {
    families->Counter("hawser_scrapes_total", "Scrapes.", ++scrapes);
  });
  EXPECT_THAT(page.Text(), HasSubstr("\nhawser_scrapes_total 1\n"));
  const std::string text = page.Text();
  EXPECT_THAT(text, HasSubstr("\nhawser_scrapes_total 2\n"));
  EXPECT_THAT(text, HasSubstr("role=\"server\"} 1\n"));
  EXPECT_GT(ValueOf(text, "hawser_process_resident_memory_bytes"), 1 << 20);
  EXPECT_GE(ValueOf(text, "hawser_process_cpu_seconds_total"), 0);
  EXPECT_GE(ValueOf(text, "hawser_process_uptime_seconds"), 0);
  EXPECT_LT(ValueOf(text, "hawser_process_uptime_seconds"), 3600);
  EXPECT_GE(ValueOf(text, "hawser_process_open_fds"), 3);
  EXPECT_GE(ValueOf(text, "hawser_process_threads"), 1);
}

}  // namespace
}  // namespace hawser
