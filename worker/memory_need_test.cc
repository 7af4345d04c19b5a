#include "worker/memory_need.h"

#include <string>

#include "common/job/job_rules.h"
#include "common/job/model_layout.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kMebibyte = int64_t{1} << 20;

JobSpec Job(const std::string& gpt, uint32_t micro_batches) {
  JobSpec job;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "name: 'job' model { gpt { vocabulary: 256 context: 256 layers: 8 heads: "
      "4 width: 256 " +
          gpt +
          "} } data { text { files: 'x' } } optimizer { adamw {} } "
          "learning_rate { base: 1 } schedule { steps: 1 global_batch: 16 "
          "micro_batches: " +
          std::to_string(micro_batches) + " }",
      &job));
  const auto complete = CompleteJob(job);
  EXPECT_TRUE(complete.ok()) << complete.status();
  return *complete;
}

uint64_t ParametersOf(const JobSpec& job) {
  return LayoutOf(job.model())->parameters;
}

int64_t Need(const JobSpec& job) {
  return MemoryNeedOf(job, ParametersOf(job), 1).total();
}

std::string Refusal(const JobSpec& job, int64_t limit) {
  return std::string(CheckMemory(job, ParametersOf(job), 1, limit).message());
}

TEST(MemoryNeedTest, ActivationsAreTheFormulaOfGptBuffers) {
  const JobSpec job = Job("", 16);
  // gpt_buffers.h, with R = 256, D = 256, Q = 768, U = F = 1024, H = 4, L = 8,
  // V = 256, e = 4; the norms' sums are two panels of 2 D, three times.
  // Rows of a multiple of 512 bytes are 16 elements further apart.
  const int64_t r = 256, h = 4, l = 8, apart = 16;
  const int64_t d = 256 + apart, q = 768 + apart, f = 1024 + apart,
                v = 256 + apart;
  const int64_t stream = 4 * r * d * (l + 1);
  const int64_t blocks = l * r * (4 * (3 * d + q + f + f) + 4 * (d + h + 4));
  const int64_t derivatives =
      r * (4 * 3 * d + 4 * (d + q)) + 3 * 4 * 2 * (2 * 256 + apart);
  const int64_t head = 4 * r * d + 12 * r + 4 * r * v;
  const int64_t lane = 4 * (128 * 1024 + 2 * 256 * 64);
  EXPECT_EQ(MemoryNeedOf(job, 0, 1).activations,
            stream + blocks + derivatives + head + lane);
}

TEST(MemoryNeedTest, GradientsAreCountedAsTheyAreHeld) {
  // A run of 16 micro-batches by one worker: four sums of a tree, and a leaf.
  EXPECT_EQ(MemoryNeedOf(Job("", 16), 1000, 1).vectors, 4000 * 6);
  EXPECT_EQ(MemoryNeedOf(Job("", 1), 1000, 1).vectors, 4000 * 2);
}

TEST(MemoryNeedTest, WhatFitsIsTaken) {
  const JobSpec job = Job("", 4);
  EXPECT_TRUE(CheckMemory(job, ParametersOf(job), 1, Need(job)).ok());
}

TEST(MemoryNeedTest, ARefusalSaysWhatWouldFit) {
  const JobSpec job = Job("", 1);
  const std::string refusal = Refusal(job, Need(job) - 1);
  EXPECT_THAT(refusal, HasSubstr("the job needs"));
  EXPECT_THAT(refusal, HasSubstr("schedule.micro_batches: 2"));
  EXPECT_THAT(refusal, HasSubstr("recompute_activations: true"));
  // What is advised does fit.
  EXPECT_LT(Need(Job("", 2)), Need(job));
  EXPECT_LT(Need(Job("recompute_activations: true", 1)), Need(job));
}

TEST(MemoryNeedTest, NothingIsAdvisedThatDoesNotFit) {
  const std::string refusal = Refusal(Job("", 1), kMebibyte);
  EXPECT_THAT(refusal, HasSubstr("use a smaller model"));
  EXPECT_THAT(refusal, Not(HasSubstr("it would fit")));
}

}  // namespace
}  // namespace hawser
