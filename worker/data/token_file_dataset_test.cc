#include "worker/data/token_file_dataset.h"

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "common/counter_random.h"
#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/data/token_file.h"

namespace hawser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

template <typename Stored>
std::string Bytes(const std::vector<Stored>& values) {
  std::string bytes(values.size() * sizeof(Stored), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::string Header(int32_t magic, int32_t version, int32_t tokens) {
  std::vector<int32_t> header(256);
  header[0] = magic;
  header[1] = version;
  header[2] = tokens;
  return Bytes(header);
}

// Tokens first, first + 1, ...
template <typename Stored>
std::vector<Stored> Counting(Stored first, size_t count) {
  std::vector<Stored> tokens(count);
  for (size_t i = 0; i < count; ++i) tokens[i] = static_cast<Stored>(first + i);
  return tokens;
}

class TokenFileDatasetTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "/token_file_dataset_test";
    std::filesystem::remove_all(root_);
    ASSERT_TRUE(MakeDirectories(root_).ok());
    model_.mutable_gpt()->set_vocabulary(50257);
    model_.mutable_gpt()->set_context(4);
    spec_.mutable_tokens()->add_train("a.bin");
    spec_.mutable_tokens()->set_validation_share(0.25);
  }
  void Write(const std::string& name, const std::string& content) {
    ASSERT_TRUE(WriteWholeFile(root_ + "/" + name, content).ok());
  }
  // The first validation run, of which the first file has 40 tokens.
  std::vector<int32_t> FirstValidationRun() {
    const auto data = OpenDataset(spec_, model_, root_);
    EXPECT_TRUE(data.ok()) << data.status();
    if (!data.ok()) return {};
    EXPECT_EQ((*data)->training_samples(), 7);
    EXPECT_EQ((*data)->validation_samples(), 2);
    Batch batch;
    (*data)->FillValidation(0, 1, &batch);
    return batch.labels;
  }
  std::string Error() {
    const auto data = OpenDataset(spec_, model_, root_);
    EXPECT_FALSE(data.ok());
    return std::string(data.status().message());
  }
  std::string root_;
  DataSpec spec_;
  ModelSpec model_;
};

TEST_F(TokenFileDatasetTest, ReadsEachKind) {
  const auto narrow = Counting<uint16_t>(50000, 40);
  Write("a.bin", Bytes(narrow));
  EXPECT_THAT(FirstValidationRun(), ElementsAre(50031, 50032, 50033, 50034));
  Write("a.bin", Header(20240520, 1, 40) + Bytes(narrow));
  EXPECT_THAT(FirstValidationRun(), ElementsAre(50031, 50032, 50033, 50034));
  model_.mutable_gpt()->set_vocabulary(128256);
  Write("a.bin",
        Header(20240801, 7, 40) + Bytes(Counting<uint32_t>(128000, 40)));
  EXPECT_THAT(FirstValidationRun(),
              ElementsAre(128031, 128032, 128033, 128034));
}

TEST_F(TokenFileDatasetTest, BytesAreKnownWithATokenizer) {
  Write("a.bin", Bytes(std::vector<uint16_t>(40, 65)));
  EXPECT_EQ((*OpenDataset(spec_, model_, root_))->validation_bytes(), 0);
  spec_.mutable_tokens()->mutable_tokenizer()->mutable_bytes();
  EXPECT_EQ((*OpenDataset(spec_, model_, root_))->validation_bytes(), 8);
  Write("a.bin", Bytes(std::vector<uint16_t>(40, 256)));
  EXPECT_THAT(Error(), HasSubstr("a.bin: token number 0 is 256, which is not "
                                 "below the tokenizer's vocabulary, 256"));
}

TEST_F(TokenFileDatasetTest, WhatIsWrongIsNamed) {
  Write("a.bin", "");
  EXPECT_THAT(Error(), HasSubstr("a.bin: is empty"));
  Write("a.bin", "odd");
  EXPECT_THAT(Error(), HasSubstr("of which there would be a half"));
  Write("a.bin", Header(20240520, 1, 40));
  EXPECT_THAT(Error(), HasSubstr("1024 bytes, but its header says 40 tokens, "
                                 "which take 1104"));
  Write("a.bin", Header(20240520, 1, 40).substr(0, 500));
  EXPECT_THAT(Error(), HasSubstr("cut off in its header, at 500 of 1024"));
  Write("a.bin", Header(20240520, 2, 40));
  EXPECT_THAT(Error(), HasSubstr("version 2, expected 1"));
  Write("a.bin", Header(20240801, 7, -1));
  EXPECT_THAT(Error(), HasSubstr("its header says -1 tokens"));
  Write("a.bin", Header(20240522, 1, 40));
  EXPECT_THAT(Error(), HasSubstr("multiple-choice"));
  Write("a.bin", Header(20240520, 1, 1) + "12");
  EXPECT_THAT(Error(), HasSubstr("1 tokens to train and to validate on"));
  auto tokens = Counting<uint16_t>(0, 200000);
  for (auto& token : tokens) token %= 50257;
  tokens[123456] = 50257;
  Write("a.bin", Bytes(tokens));
  EXPECT_THAT(Error(),
              HasSubstr("a.bin: token number 123456 is 50257, which is not "
                        "below model.gpt.vocabulary, 50257"));
  std::vector<uint32_t> wide(100);
  wide[99] = 0xFFFFFFFF;
  Write("a.bin", Header(20240801, 7, 100) + Bytes(wide));
  EXPECT_THAT(Error(), HasSubstr("token number 99 is 4294967295"));
}

TEST_F(TokenFileDatasetTest, NoBytesAtAllMakeItCrash) {
  for (uint64_t round = 0; round < 300; ++round) {
    const CounterRandom random(round, RandomPurpose::kTextStart);
    std::string bytes(random.Below(0, 3000), '\0');
    for (size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<char>(random.Word(4 * i + 4));
    }
    const int32_t magic = round % 2 == 0 ? 20240520 : 20240801;
    if (round % 3 != 0 && bytes.size() >= 4) {
      std::memcpy(bytes.data(), &magic, sizeof(magic));
    }
    const auto layout = ReadTokenFileLayout("x", bytes);
    if (!layout.ok()) continue;
    EXPECT_LE(layout->offset, bytes.size());
  }
}

}  // namespace
}  // namespace hawser
