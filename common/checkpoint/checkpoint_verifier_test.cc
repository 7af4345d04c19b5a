#include "common/checkpoint/checkpoint_verifier.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/checkpoint/manifest.h"
#include "common/files.h"
#include "common/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using testing::HasSubstr;
using Json = nlohmann::ordered_json;

// A job of two tensors, [2, 3] and [2], in blocks of 5 and 3 elements, each in
// a file of its own, with one vector of optimizer state.
class CheckpointVerifierTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = absl::StrCat(
        testing::TempDir(), "/checkpoint_verifier_test_",
        testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(path_);
    ASSERT_TRUE(MakeDirectories(path_).ok());
    manifest_ = Json::parse(R"({"format": 2, "job": "a", "step": 7,
        "parameters": 8,
        "files": [],
        "tensors": [{"name": "w", "offset": 0, "shape": [2, 3]},
                    {"name": "b", "offset": 6, "shape": [2]}],
        "blocks": [{"id": 0, "offset": 0, "elements": 5, "server": 0},
                   {"id": 1, "offset": 5, "elements": 3, "server": 1}],
        "spec": {"name": "a"}})");
    WriteServer(0, {{"block.0.parameters", 5}, {"block.0.velocity", 5}});
    WriteServer(1, {{"block.1.parameters", 3}, {"block.1.velocity", 3}});
    WriteManifest();
  }
  // In place of what the manifest said of this server before.
  void WriteServer(size_t server,
                   const std::map<std::string, uint64_t>& tensors,
                   uint64_t step = 7) {
    const std::string name = absl::StrCat("server-", server, ".safetensors");
    auto file = AtomicFile::Create(path_ + "/" + name);
    ASSERT_TRUE(file.ok());
    std::vector<TensorEntry> entries;
    std::vector<float> values;
    for (const auto& [tensor, elements] : tensors) {
      entries.push_back({tensor, {elements}});
      for (uint64_t i = 0; i < elements; ++i) {
        values.push_back(static_cast<float>(i) + 0.5f);
      }
    }
    ASSERT_TRUE(
        AppendSafetensorsHeader(entries, {{"step", absl::StrCat(step)}}, &*file)
            .ok());
    ASSERT_TRUE(file->Append(values.data(), values.size() * 4).ok());
    ASSERT_TRUE(file->Commit().ok());
    manifest_["files"][server] = {
        {"name", name}, {"bytes", file->bytes()}, {"crc32c", file->crc32c()}};
  }
  void WriteManifest() {
    Write("manifest.json", SealManifest(manifest_.dump(1)));
  }
  void Write(const std::string& name, const std::string& content) {
    // Some file systems flush a file that is written over.
    std::filesystem::remove(path_ + "/" + name);
    std::ofstream(path_ + "/" + name, std::ios::binary) << content;
  }
  std::string Read(const std::string& name) {
    return *ReadWholeFile(path_ + "/" + name, 1 << 20);
  }
  CheckpointVerdict Verify() {
    return VerifyCheckpoint(SourceDirectory::Anywhere(path_), nullptr);
  }
  // "FILE: PROBLEM" of the one file that is damaged; empty: none is.
  std::string Problem() {
    std::string problem;
    for (const FileVerdict& file : Verify().files) {
      if (file.problem.empty()) continue;
      EXPECT_EQ(problem, "") << file.path << ": " << file.problem;
      problem =
          absl::StrCat(std::filesystem::path(file.path).filename().string(),
                       ": ", file.problem);
    }
    return problem;
  }
  static std::vector<std::string> Names() {
    return {"manifest.json", "server-0.safetensors", "server-1.safetensors"};
  }

  std::string path_;
  Json manifest_;
};

TEST_F(CheckpointVerifierTest, AWholeOneIsWhole) {
  uint64_t last = 0;
  const CheckpointVerdict verdict = VerifyCheckpoint(
      SourceDirectory::Anywhere(path_), [&](uint64_t read, uint64_t of) {
        EXPECT_GT(read, last);
        EXPECT_LE(read, of);
        last = read;
      });
  EXPECT_TRUE(verdict.IsWhole());
  EXPECT_EQ(verdict.job, "a");
  EXPECT_EQ(verdict.step, 7u);
  EXPECT_EQ(verdict.parameters, 8u);
  EXPECT_EQ(verdict.files.size(), 3u);
  EXPECT_EQ(verdict.bytes, last);
  EXPECT_GT(last, 0u);
}

TEST_F(CheckpointVerifierTest, EveryBitCounts) {
  std::mt19937 random(1);
  const std::vector<std::string> names = Names();
  std::vector<std::string> contents;
  for (const std::string& name : names) contents.push_back(Read(name));
  for (int flip = 0; flip < 10'000; ++flip) {
    const size_t file = random() % names.size();
    std::string content = contents[file];
    const size_t bit = random() % (content.size() * 8);
    content[bit / 8] = static_cast<char>(content[bit / 8] ^ (1 << (bit % 8)));
    Write(names[file], content);
    ASSERT_THAT(Problem(), HasSubstr(names[file] + ": ")) << "bit " << bit;
    Write(names[file], contents[file]);
  }
  EXPECT_EQ(Problem(), "");
}

TEST_F(CheckpointVerifierTest, WhatIsCutOffIsDamaged) {
  for (const std::string& name : Names()) {
    const std::string content = Read(name);
    for (size_t length = 0; length < content.size(); ++length) {
      Write(name, content.substr(0, length));
      ASSERT_THAT(Problem(), HasSubstr(name + ": ")) << length;
    }
    Write(name, content + '\0');
    EXPECT_THAT(Problem(), HasSubstr(name + ": "));
    std::filesystem::remove(path_ + "/" + name);
    EXPECT_THAT(Problem(), HasSubstr(name + ": "));
    Write(name, content);
  }
  EXPECT_EQ(Problem(), "");
}

// Each file is what the manifest says, but they do not fit together.
TEST_F(CheckpointVerifierTest, BlocksMakeUpTheWhole) {
  const auto problem_with = [&](const std::map<std::string, uint64_t>& tensors,
                                uint64_t step = 7) {
    WriteServer(1, tensors, step);
    WriteManifest();
    return Problem();
  };
  EXPECT_EQ(problem_with({{"block.1.parameters", 3}, {"block.1.velocity", 3}}),
            "");
  EXPECT_EQ(problem_with({{"block.1.parameters", 3}}),
            "manifest.json: block.1.velocity is in none of its files");
  EXPECT_EQ(problem_with({{"block.1.velocity", 3}}),
            "manifest.json: block.1.parameters is in none of its files");
  EXPECT_THAT(
      problem_with({{"block.1.parameters", 4}, {"block.1.velocity", 3}}),
      HasSubstr("block.1.parameters has 4 elements, the block 3"));
  EXPECT_THAT(problem_with({{"block.1.parameters", 3},
                            {"block.1.velocity", 3},
                            {"block.1.moment", 3}}),
              HasSubstr("only some of its blocks have moment"));
  EXPECT_THAT(problem_with({{"block.1.parameters", 3},
                            {"block.1.velocity", 3},
                            {"block.2.velocity", 3}}),
              HasSubstr("server-1.safetensors: its tensor block.2.velocity is "
                        "of no block"));
  EXPECT_THAT(problem_with({{"block.1.parameters", 3},
                            {"block.1.velocity", 3},
                            {"block.0.velocity", 5}}),
              HasSubstr("another file has its tensor block.0.velocity"));
  EXPECT_THAT(
      problem_with({{"block.1.parameters", 3}, {"block.1.velocity", 3}}, 6),
      HasSubstr("it is of step 6, its manifest of 7"));
}

TEST_F(CheckpointVerifierTest, AManifestOfFormat1HasNoSeal) {
  manifest_["format"] = 1;
  Write("manifest.json", manifest_.dump());
  EXPECT_EQ(Problem(), "");
  manifest_["format"] = 2;
  Write("manifest.json", manifest_.dump());
  EXPECT_THAT(Problem(), HasSubstr("manifest.json: its CRC32C"));
  manifest_["format"] = 3;
  WriteManifest();
  EXPECT_THAT(Problem(), HasSubstr("manifest.json: it has format 3"));
}

}  // namespace
}  // namespace hawser
