#include "common/job/job_file.h"

#include <string>

#include "common/files.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::HasSubstr;

constexpr char kText[] = R"(name: "tiny"
model { mlp { layer_sizes: [4, 3, 2] dropout: 0.25 } }
data { idx { directory: "d" } partition: BY_SAMPLE }
optimizer { sgd { momentum: 0.9 nesterov: true } }
learning_rate { base: 1e-3 }
schedule { epochs: 2 global_batch: 8 }
seed: 18446744073709551615
)";

constexpr char kJson[] = R"({
  "name": "tiny",
  "model": {"mlp": {"layerSizes": [4, 3, 2], "dropout": 0.25}},
  "data": {"idx": {"directory": "d"}, "partition": "BY_SAMPLE"},
  "optimizer": {"sgd": {"momentum": 0.9, "nesterov": true}},
  "learning_rate": {"base": 1e-3},
  "schedule": {"epochs": "2", "global_batch": 8},
  "seed": 18446744073709551615
})";

constexpr char kYaml[] = R"(# a comment
name: tiny
model:
  mlp:
    layer_sizes: [4, 3, 2]
    dropout: 0.25
data:
  idx: {directory: d}
  partition: BY_SAMPLE
optimizer:
  sgd:
    momentum: 0.9
    nesterov: true
learning_rate:
  base: 1e-3
schedule:
  epochs: 2
  global_batch: 8
seed: 18446744073709551615
)";

TEST(JobFileTest, TheThreeFormatsSayTheSame) {
  const auto text = ParseJob(kText, JobFileFormat::kProtobufText, "t");
  const auto json = ParseJob(kJson, JobFileFormat::kJson, "t");
  const auto yaml = ParseJob(kYaml, JobFileFormat::kYaml, "t");
  ASSERT_TRUE(text.ok()) << text.status();
  ASSERT_TRUE(json.ok()) << json.status();
  ASSERT_TRUE(yaml.ok()) << yaml.status();
  using google::protobuf::util::MessageDifferencer;
  EXPECT_TRUE(MessageDifferencer::Equals(*text, *json)) << json->DebugString();
  EXPECT_TRUE(MessageDifferencer::Equals(*text, *yaml)) << yaml->DebugString();
}

std::string Error(const std::string& text, JobFileFormat format) {
  const auto job = ParseJob(text, format, "job");
  EXPECT_FALSE(job.ok()) << text;
  return std::string(job.status().message());
}

TEST(JobFileTest, AnUnknownFieldIsNamedWithItsLine) {
  EXPECT_THAT(Error("name: \"a\"\n\nlearning_rat { base: 1 }\n",
                    JobFileFormat::kProtobufText),
              testing::AllOf(HasSubstr("job:3:"), HasSubstr("learning_rat")));
  EXPECT_THAT(
      Error("{\n\"model\": {\n\"mlp\": {\"layers\": 3}}}",
            JobFileFormat::kJson),
      testing::AllOf(HasSubstr("job:3:"), HasSubstr("\"model.mlp.layers\"")));
  EXPECT_THAT(
      Error("name: a\nmodel:\n  mlp:\n    layers: 3\n", JobFileFormat::kYaml),
      testing::AllOf(HasSubstr("job:4:"), HasSubstr("\"model.mlp.layers\"")));
}

TEST(JobFileTest, WhatDoesNotFitIsNamedWithItsLine) {
  const auto yaml = [](const std::string& text) {
    return Error(text, JobFileFormat::kYaml);
  };
  EXPECT_THAT(yaml("name: a\nseed: -1\n"), HasSubstr("job:2: seed is \"-1\""));
  EXPECT_THAT(yaml("resources: {workers: 5000000000}"), HasSubstr("workers"));
  EXPECT_THAT(yaml("data:\n  partition: SIDEWAYS\n"),
              HasSubstr("one of BY_SAMPLE, BY_CLASS, RANDOM"));
  EXPECT_THAT(yaml("name: a\nname: b\n"), HasSubstr("twice"));
  EXPECT_THAT(yaml("optimizer:\n  sgd: {}\n  adam: {}\n"),
              HasSubstr("job:3: field \"optimizer.adam\" excludes"));
  EXPECT_THAT(yaml("model: [1]"), HasSubstr("model must have fields"));
  EXPECT_THAT(yaml("name: [a]"), HasSubstr("single value"));
  EXPECT_THAT(yaml("a: b: c"), HasSubstr("job:1:"));
  EXPECT_THAT(yaml(""), HasSubstr("job:1:"));
  EXPECT_THAT(Error("{\"name\": ", JobFileFormat::kJson), HasSubstr("job:"));
  EXPECT_THAT(Error("name: \"unclosed", JobFileFormat::kProtobufText),
              HasSubstr("job:1:"));
  EXPECT_THAT(yaml(std::string(2000, '[')), HasSubstr("job:"));
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" +
            before + ", " + before + ", " + before + ", " + before + ", " +
            before + ", " + before + "]\n";
  }
  EXPECT_THAT(yaml(bomb), HasSubstr("more than 100000 values"));
}

TEST(JobFileTest, AnEmptyNameComesFromTheFile) {
  const std::string path = testing::TempDir() + "/My job_2.yaml";
  ASSERT_TRUE(WriteWholeFile(path, "seed: 1\n").ok());
  EXPECT_EQ(ReadJobFile(path)->name(), "my-job-2");
  EXPECT_TRUE(absl::IsNotFound(
      ReadJobFile(testing::TempDir() + "/none.yaml").status()));
  EXPECT_FALSE(ReadJobFile("job.exe").ok());
}

}  // namespace
}  // namespace hawser
