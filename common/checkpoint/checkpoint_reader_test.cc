#include "common/checkpoint/checkpoint_reader.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/checkpoint/manifest.h"
#include "common/files.h"
#include "common/safetensors.h"
#include "common/status_macros.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using testing::HasSubstr;
using Json = nlohmann::ordered_json;

// A job of two tensors, [2, 3] and [2], in blocks of 5 and 3 elements, each in
// a file of its own.
class CheckpointReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = absl::StrCat(
        testing::TempDir(), "/checkpoint_reader_test_",
        testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(path_);
    manifest_ = Json::parse(R"({"format": 1, "job": "a", "step": 7,
        "parameters": 8,
        "tensors": [{"name": "w", "offset": 0, "shape": [2, 3]},
                    {"name": "b", "offset": 6, "shape": [2]}],
        "blocks": [{"id": 0, "offset": 0, "elements": 5, "server": 0},
                   {"id": 1, "offset": 5, "elements": 3, "server": 1}],
        "spec": {"name": "a", "not_known_yet": 1}})");
  }
  std::string Step(uint64_t step) {
    return absl::StrCat(path_, "/step-", step);
  }
  void WriteServer(const std::string& directory, uint64_t block,
                   std::vector<float> values) {
    ASSERT_TRUE(MakeDirectories(directory).ok());
    const std::string name = absl::StrCat("server-", block, ".safetensors");
    auto file = AtomicFile::Create(directory + "/" + name);
    ASSERT_TRUE(file.ok());
    const std::vector<TensorEntry> entries = {
        {absl::StrCat("block.", block, ".parameters"), {values.size()}},
        {absl::StrCat("block.", block, ".velocity"), {values.size()}}};
    ASSERT_TRUE(AppendSafetensorsHeader(
                    entries, {{"holds", absl::StrCat(block)}}, &*file)
                    .ok());
    ASSERT_TRUE(file->Append(values.data(), values.size() * 4).ok());
    for (float& value : values) value += 100;
    ASSERT_TRUE(file->Append(values.data(), values.size() * 4).ok());
    ASSERT_TRUE(file->Commit().ok());
    manifest_["files"].push_back(
        {{"name", name}, {"bytes", file->bytes()}, {"crc32c", file->crc32c()}});
  }
  void WriteManifest(const std::string& directory) {
    ASSERT_TRUE(
        WriteWholeFile(directory + "/manifest.json", manifest_.dump()).ok());
  }
  void WriteAll(const std::string& directory) {
    manifest_.erase("files");
    WriteServer(directory, 0, {0, 1, 2, 3, 4});
    WriteServer(directory, 1, {5, 6, 7});
    WriteManifest(directory);
  }
  auto Open(const std::string& directory) {
    return CheckpointReader::Open(SourceDirectory::Anywhere(directory));
  }

  std::string path_;
  Json manifest_;
};

TEST_F(CheckpointReaderTest, AnyRangeIsRead) {
  WriteAll(Step(7));
  const auto reader = Open(Step(7));
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->manifest().job, "a");
  EXPECT_EQ((*reader)->manifest().step, 7u);
  EXPECT_EQ((*reader)->manifest().spec.name(), "a");
  ASSERT_EQ((*reader)->manifest().tensors.size(), 2u);
  for (size_t first = 0; first <= 8; ++first) {
    for (size_t count = 0; first + count <= 8; ++count) {
      std::vector<float> out(count);
      ASSERT_TRUE((*reader)->Read(first, absl::MakeSpan(out)).ok());
      for (size_t i = 0; i < count; ++i) EXPECT_EQ(out[i], first + i);
      ASSERT_TRUE(
          (*reader)->ReadState("velocity", first, absl::MakeSpan(out)).ok());
      for (size_t i = 0; i < count; ++i) EXPECT_EQ(out[i], 100 + first + i);
    }
  }
}

TEST_F(CheckpointReaderTest, StateThatIsNotThereAndMetadataOfABlock) {
  WriteAll(Step(7));
  const auto reader = Open(Step(7));
  ASSERT_TRUE(reader.ok()) << reader.status();
  std::vector<float> out(8);
  const absl::Status status =
      (*reader)->ReadState("accumulator", 0, absl::MakeSpan(out));
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("block.0.accumulator"));
  for (const uint64_t block : {0, 1}) {
    const auto metadata = (*reader)->MetadataOf(block);
    ASSERT_TRUE(metadata.ok()) << metadata.status();
    EXPECT_EQ(metadata->at("holds"), absl::StrCat(block));
  }
  EXPECT_TRUE(absl::IsNotFound((*reader)->MetadataOf(2).status()));
}

TEST_F(CheckpointReaderTest, TheNewestCommittedOneIsFound) {
  const SourceDirectory job = SourceDirectory::Beneath(path_, "");
  EXPECT_TRUE(absl::IsNotFound(FindCheckpoint(job).status()));
  for (const uint64_t step : {9, 10}) WriteAll(Step(step));
  ASSERT_TRUE(MakeDirectories(Step(11)).ok());  // not committed
  const auto found = FindCheckpoint(job);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->path(), Step(10));
  const auto named = FindCheckpoint(job.Inside("step-9"));
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_EQ(named->path(), Step(9));
  EXPECT_TRUE(absl::IsNotFound(FindCheckpoint(job.Inside("step-11")).status()));
}

TEST_F(CheckpointReaderTest, DamagedFilesAreNamedAndOthersStillRead) {
  WriteAll(Step(7));
  std::fstream file(Step(7) + "/server-1.safetensors",
                    std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-1, std::ios::end).put('\x7f');
  file.close();
  const auto reader = Open(Step(7));
  ASSERT_TRUE(reader.ok()) << reader.status();
  std::vector<float> out(5);
  EXPECT_TRUE((*reader)->Read(0, absl::MakeSpan(out)).ok());
  const absl::Status status = (*reader)->Read(1, absl::MakeSpan(out));
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("server-1.safetensors is damaged"));
  EXPECT_TRUE(absl::IsDataLoss((*reader)->MetadataOf(1).status()));
}

// Whatever bit is wrong: nobody starts from a damaged checkpoint.
TEST_F(CheckpointReaderTest, AWrongBitIsNeverRead) {
  manifest_["format"] = 2;
  WriteAll(Step(7));
  ASSERT_TRUE(WriteWholeFile(Step(7) + "/manifest.json",
                             SealManifest(manifest_.dump(1)))
                  .ok());
  const auto read_all = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const auto reader, Open(Step(7)));
    std::vector<float> out(8);
    RETURN_IF_ERROR(reader->Read(0, absl::MakeSpan(out)));
    RETURN_IF_ERROR(reader->ReadState("velocity", 0, absl::MakeSpan(out)));
    RETURN_IF_ERROR(reader->MetadataOf(0).status());
    return reader->MetadataOf(1).status();
  };
  ASSERT_TRUE(read_all().ok());
  std::mt19937 random(1);
  const std::vector<std::string> names = {
      "manifest.json", "server-0.safetensors", "server-1.safetensors"};
  for (int flip = 0; flip < 10'000; ++flip) {
    const std::string& name = names[random() % names.size()];
    const std::string path = Step(7) + "/" + name;
    const std::string whole = *ReadWholeFile(path, 1 << 20);
    std::string damaged = whole;
    const size_t bit = random() % (whole.size() * 8);
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    const auto put = [&](const std::string& content) {
      // Some file systems flush a file that is written over.
      std::filesystem::remove(path);
      std::ofstream(path, std::ios::binary) << content;
    };
    put(damaged);
    const absl::Status status = read_all();
    ASSERT_TRUE(absl::IsDataLoss(status))
        << name << ", bit " << bit << ": " << status;
    ASSERT_THAT(std::string(status.message()), HasSubstr(name));
    put(whole);
  }
  EXPECT_TRUE(read_all().ok());
}

TEST_F(CheckpointReaderTest, DamagedManifestsAreRefused) {
  WriteAll(Step(7));
  const Json good = manifest_;
  const auto error_with = [&](const char* pointer, const Json& value) {
    manifest_ = good;
    manifest_[Json::json_pointer(pointer)] = value;
    WriteManifest(Step(7));
    return std::string(Open(Step(7)).status().message());
  };
  EXPECT_EQ(error_with("/step", 8), "");
  for (const auto& [pointer, value] : std::vector<std::pair<const char*, Json>>{
           {"/format", 2},
           {"/step", -1},
           {"/job", 7},
           {"/parameters", 9},
           {"/parameters", 7},
           {"/files", 7},
           {"/files/0/name", "../server-0.safetensors"},
           {"/files/0/name", "none.safetensors"},
           {"/files/0/crc32c", 4294967296},
           {"/blocks/1/offset", 4},
           {"/blocks/1/elements", 2},
           {"/blocks/0/elements", 18446744073709551615u},
           {"/blocks/1/id", 2},
           {"/tensors/0/shape", {4611686018427387904, 4}},
           {"/tensors/0/shape", {2, 2}},
           {"/tensors/0/shape/0", "2"},
           {"/tensors/1/offset", 5},
           {"/tensors/1", "b"}}) {
    EXPECT_NE(error_with(pointer, value), "") << pointer << " " << value;
  }
}

}  // namespace
}  // namespace hawser
