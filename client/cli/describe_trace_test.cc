#include "client/cli/describe_trace.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using testing::HasSubstr;
using testing::Not;

StepShares SomeShares() {
  StepShares shares;
  MemberShares worker;
  worker.info.set_node(4);
  worker.steps = 3;
  worker.step_seconds = {0.010, 0.011, 0.012};
  worker.shares[SpanCategory::kCompute] = {0.7, 0.8, 0.9};
  worker.shares[SpanCategory::kPull] = {0.05, 0.1, 0.2};
  worker.other = {0, 0.01, 0.1};
  worker.not_compute = {0.1, 0.2, 0.3};
  MemberShares server;
  server.info.set_node(5);
  server.info.set_is_server(true);
  server.steps = 3;
  server.shares[SpanCategory::kAggregate] = {0.1, 0.1, 0.1};
  server.idle = {0.6, 0.7, 0.9};
  shares.members = {worker, server};
  shares.step_seconds = worker.step_seconds;
  shares.not_compute = worker.not_compute;
  return shares;
}

TEST(DescribeTraceTest, TablesHaveWhatThereIs) {
  const std::string text = SharesText(SomeShares());
  EXPECT_THAT(text, HasSubstr("WORKER"));
  EXPECT_THAT(text, HasSubstr("10.00 / 11.00 / 12.00"));
  EXPECT_THAT(text, HasSubstr("COMPUTE %"));
  EXPECT_THAT(text, HasSubstr("70.0 / 80.0 / 90.0"));
  EXPECT_THAT(text, HasSubstr("AGGREGATE %"));
  EXPECT_THAT(text, HasSubstr("60.0 / 70.0 / 90.0"));
  EXPECT_THAT(text, HasSubstr("10.0 / 20.0 / 30.0 % was not compute"));
  EXPECT_THAT(text, Not(HasSubstr("VALIDATION")));
  EXPECT_THAT(text, Not(HasSubstr("CHECKPOINT")));
}

TEST(DescribeTraceTest, JsonHasFractions) {
  const nlohmann::ordered_json json = ToJson(SomeShares());
  EXPECT_EQ(json["not_compute"]["median"], 0.2);
  EXPECT_EQ(json["members"][0]["role"], "worker");
  EXPECT_EQ(json["members"][0]["shares"]["compute"]["max"], 0.9);
  EXPECT_EQ(json["members"][1]["shares"]["idle"]["min"], 0.6);
  EXPECT_FALSE(json["members"][1].contains("not_compute"));
}

}  // namespace
}  // namespace hawser
