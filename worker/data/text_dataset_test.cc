#include "worker/data/text_dataset.h"

#include <cmath>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "common/files.h"
#include "common/tokenizer/bpe_trainer.h"
#include "common/tokenizer/make_tokenizer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TextDatasetTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "/text_dataset_test";
    std::filesystem::remove_all(root_);
    ASSERT_TRUE(MakeDirectories(root_ + "/d").ok());
    model_.mutable_gpt()->set_vocabulary(256);
    model_.mutable_gpt()->set_context(4);
    spec_.mutable_text()->add_files("a.txt");
    spec_.mutable_text()->set_validation_share(0.1);
  }
  void Write(const std::string& name, const std::string& content) {
    ASSERT_TRUE(WriteWholeFile(root_ + "/" + name, content).ok());
  }
  std::unique_ptr<Dataset> Open() {
    auto data = OpenDataset(spec_, model_, root_);
    EXPECT_TRUE(data.ok()) << data.status();
    return data.ok() ? *std::move(data) : nullptr;
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

// The text that a run of tokens stands for.
std::string Text(const std::vector<int32_t>& tokens, size_t first,
                 size_t count) {
  return std::string(
      tokens.begin() + static_cast<std::ptrdiff_t>(first),
      tokens.begin() + static_cast<std::ptrdiff_t>(first + count));
}

TEST_F(TextDatasetTest, RunsOfBytesAndTheNextOnes) {
  Write("a.txt", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN");  // 40
  spec_.mutable_text()->set_validation_share(0.25);
  const auto data = Open();
  EXPECT_EQ(data->shape().features, 0);
  EXPECT_EQ(data->shape().context, 4);
  EXPECT_EQ(data->shape().vocabulary, 256);
  EXPECT_EQ(data->training_samples(), 7);    // (30 - 1) / 4
  EXPECT_EQ(data->validation_samples(), 2);  // (10 - 1) / 4
  EXPECT_EQ(data->validation_bytes(), 8);
  Batch batch;
  data->FillValidation(0, 2, &batch);
  EXPECT_EQ(batch.samples, 2);
  EXPECT_EQ(Text(batch.tokens, 0, 8), "EFGHIJKL");
  EXPECT_EQ(Text(batch.labels, 0, 8), "FGHIJKLM");
  for (uint64_t epoch = 0; epoch < 20; ++epoch) {
    data->FillTraining({0, 6}, 1, epoch, &batch);
    for (size_t i = 0; i < batch.tokens.size(); ++i) {
      EXPECT_EQ(batch.labels[i] == 'A' ? 'z' + 1 : batch.labels[i],
                batch.tokens[i] + 1);
      EXPECT_LT(batch.labels[i], 'E' + (batch.labels[i] >= 'a' ? 64 : 0));
    }
  }
}

TEST_F(TextDatasetTest, AnEpochSeesAlmostAllAndStartsAnew) {
  std::string text;
  for (int i = 0; i < 200; ++i) text.push_back(static_cast<char>(i));
  Write("a.txt", text);
  Write("b.txt", "0123456789");
  spec_.mutable_text()->add_validation_files("b.txt");
  model_.mutable_gpt()->set_context(16);
  const auto too_short = OpenDataset(spec_, model_, root_);
  EXPECT_THAT(std::string(too_short.status().message()),
              HasSubstr("b.txt: 10 tokens to validate on; model.gpt.context is "
                        "16, which takes at least 17"));
  Write("b.txt", std::string(17, 'x'));
  const auto data = Open();
  EXPECT_EQ(data->training_samples(), 12);
  EXPECT_EQ(data->validation_samples(), 1);
  std::vector<int64_t> all(12);
  for (int i = 0; i < 12; ++i) all[static_cast<size_t>(i)] = i;
  std::set<int32_t> starts;
  for (uint64_t epoch = 0; epoch < 50; ++epoch) {
    Batch batch, again;
    data->FillTraining(all, 7, epoch, &batch);
    starts.insert(batch.tokens[0]);
    const std::set<int32_t> seen(batch.tokens.begin(), batch.tokens.end());
    EXPECT_GE(seen.size(), 200u - 16u);
    data->FillTraining({5}, 7, epoch, &again);
    EXPECT_EQ(Text(again.tokens, 0, 16), Text(batch.tokens, 5 * 16, 16));
  }
  EXPECT_GT(starts.size(), 10u);
  EXPECT_LT(*starts.rbegin(), 16);
}

TEST_F(TextDatasetTest, FilesAndDirectoriesAreOneTextAndAClassEach) {
  Write("d/2.txt", "22222222");
  Write("d/1.txt", "11111111");
  Write("a.txt", "aaaaaaaa");
  Write("b.txt", "bbbbb");
  spec_.mutable_text()->add_files("d");
  spec_.mutable_text()->add_validation_files("b.txt");
  const auto data = Open();
  EXPECT_THAT(data->TrainingLabels(), ElementsAre(0, 0, 1, 1, 2));
  Batch batch;
  data->FillTraining({0, 1, 2, 3, 4}, 0, 0, &batch);
  std::string text = Text(batch.tokens, 0, 20);
  EXPECT_THAT(std::string("aaaaaaaa1111111122222222"),
              HasSubstr(text.substr(0, 16)));
}

// Token files and text with the same tokenizer are the same data.
TEST_F(TextDatasetTest, TokenizedInPiecesAsWhole) {
  BpeTrainer trainer;
  std::string text;
  for (int64_t i = 0; i < 300000; ++i) {
    text += "the number " + std::to_string(i * 7919 % 100003) + "\n";
  }
  trainer.Add(text);
  Write("t.json", trainer.Train(400));
  Write("a.txt", text);
  spec_.mutable_text()->mutable_tokenizer()->set_tokenizer_json("t.json");
  model_.mutable_gpt()->set_vocabulary(400);
  const auto data = Open();
  const auto tokenizer = MakeTokenizer(spec_.text().tokenizer(), root_);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const auto tokens = (*tokenizer)->Encode(text);
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  const auto size = static_cast<int64_t>(tokens->size());
  const int64_t first = size - std::llround(0.1 * static_cast<double>(size));
  ASSERT_EQ(data->validation_samples(), (size - first - 1) / 4);
  Batch batch;
  data->FillValidation(0, data->validation_samples(), &batch);
  const std::vector<int32_t> labels(
      tokens->begin() + first + 1,
      tokens->begin() + first + 1 + static_cast<int64_t>(batch.labels.size()));
  EXPECT_TRUE(batch.labels == labels);
  EXPECT_EQ(data->validation_bytes(),
            static_cast<int64_t>((*tokenizer)->Decode(labels)->size()));
  text[2000001] = '\xFF';
  Write("a.txt", text);
  EXPECT_THAT(Error(), HasSubstr("a.txt: not UTF-8 at byte 2000001; convert"));
  Write("t.json", "{}");
  EXPECT_THAT(Error(), HasSubstr("t.json: it has no model"));
}

TEST_F(TextDatasetTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(Error(), HasSubstr("a.txt"));
  Write("a.txt", "");
  EXPECT_THAT(Error(), HasSubstr("a.txt is empty"));
  Write("a.txt", "123456789");
  EXPECT_THAT(Error(),
              HasSubstr("a.txt: 9 tokens to train and to validate on; "
                        "model.gpt.context is 4, which takes at least 10"));
  Write("a.txt", "1234567890");
  EXPECT_EQ(Open()->training_samples(), 1);
  EXPECT_EQ(Open()->validation_samples(), 1);
  model_.mutable_gpt()->set_vocabulary(100);
  EXPECT_THAT(Error(), HasSubstr("the tokenizer has 256 tokens, "
                                 "model.gpt.vocabulary is 100"));
  model_.mutable_gpt()->set_vocabulary(300);
  EXPECT_EQ(Open()->shape().vocabulary, 256);
  ASSERT_TRUE(MakeDirectories(root_ + "/empty").ok());
  spec_.mutable_text()->set_files(0, "empty");
  EXPECT_THAT(Error(), HasSubstr("empty is a directory without files"));
  spec_.mutable_text()->set_files(0, "/etc/passwd");
  EXPECT_EQ(OpenDataset(spec_, model_, root_).status().code(),
            absl::StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace hawser
