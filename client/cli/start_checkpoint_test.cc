#include "client/cli/start_checkpoint.h"

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/control/unimplemented_scheduler_client.h"
#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::HasSubstr;

// Knows the job "mnist", which writes to "runs/mnist".
class OneJob : public UnimplementedSchedulerClient {
 public:
  explicit OneJob(std::vector<uint64_t> steps) : steps_(std::move(steps)) {}
  absl::StatusOr<GetJobResponse> GetJob(const GetJobRequest& request) override {
    if (request.name() != "mnist") return absl::NotFoundError("no such job");
    EXPECT_TRUE(request.with_checkpoints());
    GetJobResponse response;
    JobStatus* job = response.mutable_status();
    job->mutable_spec()->mutable_checkpoint()->set_directory("runs/mnist");
    for (const uint64_t step : steps_) job->add_checkpoints()->set_step(step);
    return response;
  }

 private:
  const std::vector<uint64_t> steps_;
};

std::string Find(const std::string& text, std::vector<uint64_t> steps) {
  OneJob scheduler(std::move(steps));
  const auto found = FindStartCheckpoint(text, &scheduler);
  return found.ok() ? *found : std::string(found.status().message());
}

TEST(StartCheckpointTest, ByStepOrTheNewest) {
  EXPECT_EQ(Find("mnist@200", {100, 200, 300}), "runs/mnist/step-200");
  EXPECT_EQ(Find("mnist", {100, 200, 300}), "runs/mnist/step-300");
}

TEST(StartCheckpointTest, WhatIsNotThereIsTold) {
  EXPECT_EQ(Find("mnist@250", {100, 200}),
            "mnist has no checkpoint of step 250; there are 100, 200");
  EXPECT_EQ(Find("mnist@250", {100}),
            "mnist has no checkpoint of step 250; there is 100");
  EXPECT_THAT(Find("mnist@1", {}), HasSubstr("no committed checkpoint"));
  EXPECT_THAT(Find("mnist", {}), HasSubstr("no committed checkpoint"));
  EXPECT_EQ(Find("mist", {100}), "no such job");
  std::vector<uint64_t> many(30);
  for (size_t i = 0; i < many.size(); ++i) many[i] = i;
  EXPECT_THAT(Find("mnist@99", many), HasSubstr("there are ..., 10, 11, 12"));
}

TEST(StartCheckpointTest, WhatIsNoNameAtStepIsRefused) {
  for (const char* text :
       {"", "@5", "mnist@", "mnist@five", "mnist@-1", "mnist@1@2"}) {
    EXPECT_THAT(Find(text, {1}), HasSubstr("it must be NAME@STEP")) << text;
  }
}

TEST(StartCheckpointTest, BelowAnOutputRoot) {
  const std::string root = testing::TempDir() + "/start_checkpoint_test";
  std::filesystem::remove_all(root);
  for (const char* step : {"step-90", "step-200", "step-300", "other"}) {
    ASSERT_TRUE(MakeDirectories(absl::StrCat(root, "/mnist/", step)).ok());
    if (absl::string_view(step) == "step-300") continue;  // not committed
    ASSERT_TRUE(WriteWholeFile(
                    absl::StrCat(root, "/mnist/", step, "/manifest.json"), "{}")
                    .ok());
  }
  const auto find = [&](const std::string& text) {
    const auto found = FindStartCheckpoint(text, root);
    return found.ok() ? *found : std::string(found.status().message());
  };
  EXPECT_EQ(find("mnist"), "mnist/step-200");
  EXPECT_EQ(find("mnist@90"), "mnist/step-90");
  EXPECT_THAT(find("mnist@300"), HasSubstr("there are 90, 200"));
  EXPECT_THAT(find("none"), HasSubstr("there is no "));
  EXPECT_THAT(find("../start_checkpoint_test/mnist"), HasSubstr("leads out"));
}

}  // namespace
}  // namespace hawser
