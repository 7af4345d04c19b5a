#include "client/cli/describe.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "client/cli/exit_code.h"
#include "client/cli/progress.h"
#include "common/metrics_proto.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using testing::HasSubstr;
using testing::Not;

JobStatus Running() {
  JobStatus job;
  job.set_name("a");
  job.set_state(RUNNING);
  job.set_step(250);
  job.set_total_steps(1000);
  job.set_epoch(2);
  job.set_epochs(10);
  job.set_samples_per_second(84321);
  job.set_seconds_left(75);
  *job.mutable_last_training() = ToProto({500000000, 3, 4});
  EpochMetrics* epoch = job.add_epochs_done();
  epoch->set_epoch(2);
  epoch->set_seconds(4.2);
  *epoch->mutable_training() = ToProto({2000000000, 90, 100});
  *epoch->mutable_validation() = ToProto({1000000000, 19, 20});
  *job.mutable_last_epoch() = *epoch;
  return job;
}

TEST(DescribeTest, Durations) {
  EXPECT_EQ(DurationText(-1), "0.0s");
  EXPECT_EQ(DurationText(4.24), "4.2s");
  EXPECT_EQ(DurationText(9.96), "10s");
  EXPECT_EQ(DurationText(59.6), "1m00s");
  EXPECT_EQ(DurationText(200), "3m20s");
  EXPECT_EQ(DurationText(3720), "1h02m");
}

TEST(DescribeTest, AProgressLineTellsWhereAJobIs) {
  const std::string line = ProgressLine(Running());
  for (const char* part :
       {"epoch 3/10", "[######------------------]", "25 %", "84.3k samples/s",
        "loss 0.1250", "accuracy 75.00 %", "left 1m15s"}) {
    EXPECT_THAT(line, HasSubstr(part));
  }
  JobStatus waiting;
  waiting.set_state(QUEUED);
  waiting.set_reason("needs 4 workers");
  EXPECT_EQ(ProgressLine(waiting), "queued: needs 4 workers");
}

TEST(DescribeTest, AnEpochLineHasBothSets) {
  const std::string line = EpochLine(Running().last_epoch(), Running());
  EXPECT_EQ(line,
            "epoch 2/10  loss 0.0200  accuracy 90.00 %  validation loss 0.0500"
            "  validation accuracy 95.00 %  4.2s");
}

TEST(DescribeTest, TextHasPerplexityAndNoAccuracy) {
  JobStatus job = Running();
  job.mutable_spec()->mutable_model()->mutable_gpt()->set_context(64);
  job.set_samples_per_second(1000);
  job.set_validation_bytes(2560);
  EXPECT_EQ(EpochLine(job.last_epoch(), job),
            "epoch 2/10  loss 0.0200  validation loss 0.0500  validation "
            "perplexity 1.051  validation bits/byte 0.0361  4.2s");
  EXPECT_THAT(ProgressLine(job),
              HasSubstr("64.0k tokens/s  loss 0.1250  left"));
  EXPECT_THAT(Summary(job), HasSubstr("perplexity           1.051\n"
                                      "bits per byte        0.0361\n"));
  EXPECT_THAT(JobText(job), HasSubstr("loss 0.0500, perplexity 1.051"));
  const auto json = ToJson(job);
  EXPECT_DOUBLE_EQ(json["tokens_per_second"], 64000);
  EXPECT_NEAR(json["validation"]["bits_per_byte"], 0.0361, 1e-4);
  EXPECT_FALSE(json["validation"].contains("accuracy"));
}

TEST(DescribeTest, JsonHasWhatProgramsNeed) {
  JobStatus job = Running();
  auto json = ToJson(job);
  EXPECT_EQ(json["state"], "running");
  EXPECT_EQ(json["step"], 250);
  EXPECT_DOUBLE_EQ(json["training"]["loss"], 0.125);
  EXPECT_DOUBLE_EQ(json["validation"]["accuracy"], 0.95);
  EXPECT_EQ(json["epochs_done"].size(), 1u);
  EXPECT_FALSE(json.contains("parameters_sha256"));
  job.set_state(SUCCEEDED);
  job.set_parameters_sha256("abc");
  EXPECT_EQ(ToJson(job)["parameters_sha256"], "abc");
}

TEST(DescribeTest, ASummaryEndsWithWhereThingsAre) {
  JobStatus job = Running();
  job.set_state(SUCCEEDED);
  job.set_output("/out/a/step-1000");
  job.set_parameters_sha256("abc");
  const std::string text = Summary(job);
  for (const char* part :
       {"job a succeeded", "0.0500", "95.00 %", "/out/a/step-1000", "abc"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  job.set_state(FAILED);
  job.set_reason("no luck");
  EXPECT_THAT(Summary(job), HasSubstr("job a failed: no luck"));
}

TEST(ProgressTest, PrintsEachEpochOnceAndNoLiveLineOffTerminals) {
  char* text = nullptr;
  size_t size = 0;
  std::FILE* stream = open_memstream(&text, &size);
  {
    Progress progress(stream, /*live=*/false);
    const absl::Time start = absl::UnixEpoch();
    progress.Show(Running(), start);
    progress.Show(Running(), start + absl::Seconds(1));
    progress.Show(Running(), start + absl::Seconds(9));
  }
  std::fclose(stream);
  const std::string shown(text, size);
  free(text);
  EXPECT_EQ(std::count(shown.begin(), shown.end(), '\n'), 2);
  EXPECT_THAT(shown, HasSubstr("epoch 2/10  loss"));
  EXPECT_THAT(shown, HasSubstr("epoch 3/10 ["));
  EXPECT_THAT(shown, Not(HasSubstr("\r")));
}

TEST(ExitCodeTest, EachKindOfErrorHasItsOwn) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(absl::InternalError("")), 1);
  EXPECT_EQ(ExitCodeOf(absl::InvalidArgumentError("")), 2);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("")), 3);
  EXPECT_EQ(ExitCodeOf(absl::NotFoundError("")), 4);
  EXPECT_EQ(ExitCodeOf(absl::PermissionDeniedError("")), 5);
  EXPECT_EQ(ExitCodeOf(absl::DeadlineExceededError("")), 6);
}

}  // namespace
}  // namespace hawser
