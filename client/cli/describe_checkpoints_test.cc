#include "client/cli/describe_checkpoints.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using testing::HasSubstr;

JobStatus SomeJob() {
  JobStatus job;
  job.set_name("mnist");
  for (const uint64_t step : {400, 800}) {
    CheckpointStatus* checkpoint = job.add_checkpoints();
    checkpoint->set_step(step);
    checkpoint->set_committed_unix_ms(1'700'000'000'000);
    checkpoint->set_bytes(3 * 1024 * 1024 / 2);
    checkpoint->set_files(2);
    checkpoint->set_directory("/out/mnist/step-" + std::to_string(step));
    checkpoint->set_kept(step == 800 ? "the newest" : "one of the last 2");
  }
  return job;
}

TEST(DescribeCheckpointsTest, ATable) {
  EXPECT_EQ(
      CheckpointTable(SomeJob()),
      "STEP  COMMITTED                  SIZE     FILES  KEPT               "
      "DIRECTORY\n"
      "400   2023-11-14T22:13:20+00:00  1.5 MiB  2      one of the last 2  "
      "/out/mnist/step-400\n"
      "800   2023-11-14T22:13:20+00:00  1.5 MiB  2      the newest         "
      "/out/mnist/step-800\n");
}

TEST(DescribeCheckpointsTest, WhatWentWrongIsBelow) {
  JobStatus job = SomeJob();
  job.set_checkpoints_failed(3);
  EXPECT_THAT(CheckpointTable(job), HasSubstr("step-800\n3 failed\n"));
  job.set_checkpoints_skipped(1);
  job.set_checkpoint_problem("no space left");
  EXPECT_THAT(CheckpointTable(job), HasSubstr("3 failed, 1 skipped; no space"));
}

TEST(DescribeCheckpointsTest, Json) {
  const auto json = CheckpointsToJson(SomeJob());
  EXPECT_EQ(json["name"], "mnist");
  ASSERT_EQ(json["checkpoints"].size(), 2u);
  EXPECT_EQ(json["checkpoints"][1]["step"], 800);
  EXPECT_EQ(json["checkpoints"][1]["kept"], "the newest");
  EXPECT_EQ(json["checkpoints"][0]["bytes"], 1572864);
}

TEST(DescribeCheckpointsTest, Sizes) {
  EXPECT_EQ(BytesText(0), "0 B");
  EXPECT_EQ(BytesText(1023), "1023 B");
  EXPECT_EQ(BytesText(1024), "1.0 KiB");
  EXPECT_EQ(BytesText(uint64_t{5} << 40), "5.0 TiB");
}

}  // namespace
}  // namespace hawser
