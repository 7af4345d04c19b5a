#include "client/cli/describe_audit.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using testing::HasSubstr;
using testing::Not;

AuditReport Report() {
  AuditReport report;
  report.servers = {{.server = 0, .blocks = 2, .reads = 3, .pushes = 1},
                    {.server = 1, .blocks = 1, .reads = 1, .repeats = 7}};
  for (const uint64_t value : {0, 0, 2, 0}) report.staleness.Add(value);
  report.lag.Add(5);
  return report;
}

TEST(DescribeAuditTest, NoViolation) {
  EXPECT_EQ(AuditText(Report()),
            "STALENESS  READS  SHARE\n"
            "0          3      75.00 %\n"
            "2          1      25.00 %\n"
            "p50 0, p99 2, max 2\n"
            "\n"
            "LAG  PUSHES  SHARE\n"
            "5    1       100.00 %\n"
            "p50 5, p99 5, max 5\n"
            "\n"
            "SERVER  BLOCKS  READS  PUSHES  REPEATS\n"
            "0       2       3      1       0\n"
            "1       1       1      0       7\n"
            "\n"
            "4 reads, 1 push checked on 3 blocks of 2 servers: no violation\n");
}

TEST(DescribeAuditTest, Violations) {
  AuditReport report = Report();
  report.violations = 1;
  report.first_violations = {{.file = "audit/server-0.audit",
                              .line = 12,
                              .rule = AuditRule::kCompleteSteps,
                              .sentence = "block 3: ..."}};
  EXPECT_THAT(AuditText(report),
              HasSubstr("\n\naudit/server-0.audit:12: complete steps: block 3: "
                        "...\n\n4 reads"));
  EXPECT_THAT(AuditText(report), testing::EndsWith(": 1 violation\n"));
  report.violations = 21;
  EXPECT_THAT(AuditText(report), HasSubstr("...\nand 20 more\n\n4 reads"));
  EXPECT_THAT(AuditText(report), testing::EndsWith(": 21 violations\n"));
  const auto json = ToJson(report);
  EXPECT_EQ(json["violations"], 21);
  EXPECT_EQ(json["first_violations"].dump(),
            R"([{"file":"audit/server-0.audit","line":12,)"
            R"("rule":"complete steps","sentence":"block 3: ..."}])");
}

TEST(DescribeAuditTest, Json) {
  const auto json = ToJson(Report());
  EXPECT_EQ(json["reads"], 4);
  EXPECT_EQ(json["pushes"], 1);
  EXPECT_EQ(json["repeats"], 7);
  EXPECT_EQ(json["blocks"], 3);
  EXPECT_EQ(json["servers"][1].dump(),
            R"({"server":1,"blocks":1,"reads":1,"pushes":0,"repeats":7})");
  EXPECT_EQ(json["staleness"].dump(),
            R"({"p50":0,"p99":2,"max":2,"counts":)"
            R"([{"value":0,"count":3},{"value":2,"count":1}]})");
  EXPECT_EQ(json["violations"], 0);
  EXPECT_EQ(json["first_violations"].size(), 0u);
}

TEST(DescribeAuditTest, NothingWasReadOrPushed) {
  AuditReport report;
  report.servers.push_back({.server = 0});
  EXPECT_THAT(AuditText(report), HasSubstr("STALENESS  READS\n-          0\n"));
  EXPECT_THAT(AuditText(report),
              HasSubstr("0 reads, 0 pushes checked on 0 blocks of 1 server: no "
                        "violation\n"));
  EXPECT_EQ(ToJson(report)["lag"].dump(),
            R"({"p50":null,"p99":null,"max":null,"counts":[]})");
}

TEST(DescribeAuditTest, LargeValuesShareLines) {
  AuditReport report = Report();
  report.lag = Distribution();
  for (uint64_t value = 0; value < 1000; ++value) report.lag.Add(value);
  const std::string text = AuditText(report);
  EXPECT_THAT(text, HasSubstr("\n15        1       0.10 %\n"
                              "16-31     16      1.60 %\n"
                              "32-63     32      3.20 %\n"));
  EXPECT_THAT(text, HasSubstr("\n512-1023 "));
  EXPECT_THAT(text, Not(HasSubstr("1024")));
  EXPECT_EQ(ToJson(report)["lag"]["counts"].size(), 1000u);
  report.lag.Add((uint64_t{1} << 63) - 1);
  EXPECT_THAT(AuditText(report),
              HasSubstr("\n4611686018427387904-9223372036854775807  1 "));
}

}  // namespace
}  // namespace hawser
