#include "common/job/rules/data_rules.h"

#include <string>

#include "common/job/job_rules.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::HasSubstr;

DataSpec Data(const std::string& text) {
  DataSpec data;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &data))
      << text;
  return data;
}

std::string Error(const std::string& text) {
  DataSpec data = Data(text);
  return std::string(CompleteData(&data).message());
}

TEST(DataRulesTest, DefaultsOfText) {
  DataSpec data = Data("text { files: 'a' }");
  ASSERT_TRUE(CompleteData(&data).ok());
  EXPECT_DOUBLE_EQ(data.text().validation_share(), 0.1);
  EXPECT_TRUE(data.text().tokenizer().has_bytes());
  EXPECT_EQ(data.partition(), RANDOM);
  const std::string once = data.SerializeAsString();
  ASSERT_TRUE(CompleteData(&data).ok());
  EXPECT_EQ(data.SerializeAsString(), once);
  data = Data("text { files: 'a' validation_files: 'b' }");
  ASSERT_TRUE(CompleteData(&data).ok());
  EXPECT_EQ(data.text().validation_share(), 0);
  ASSERT_TRUE(CompleteData(&data).ok());
  EXPECT_EQ(data.text().validation_share(), 0);
}

TEST(DataRulesTest, DefaultsOfTokens) {
  DataSpec data = Data("tokens { train: 'a' validation_share: 0.5 }");
  ASSERT_TRUE(CompleteData(&data).ok());
  EXPECT_DOUBLE_EQ(data.tokens().validation_share(), 0.5);
  EXPECT_FALSE(data.tokens().has_tokenizer());
}

TEST(DataRulesTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(Error(""), HasSubstr("data is not set"));
  EXPECT_THAT(Error("text {}"), HasSubstr("data.text.files is empty"));
  EXPECT_THAT(Error("text { files: '' }"), HasSubstr("data.text.files"));
  EXPECT_THAT(Error("text { files: '../a' }"), HasSubstr("must not contain"));
  EXPECT_THAT(Error("text { files: 'a' validation_files: 'b/..' }"),
              HasSubstr("data.text.validation_files"));
  EXPECT_THAT(Error("text { files: 'a' validation_share: 1 }"),
              HasSubstr("data.text.validation_share is 1"));
  EXPECT_THAT(
      Error("text { files: 'a' validation_files: 'b' validation_share: 0.5 }"),
      HasSubstr("use one of the two"));
  EXPECT_THAT(Error("text { files: 'a' tokenizer { sentencepiece: '' } }"),
              HasSubstr("data.text.tokenizer.sentencepiece is empty"));
  EXPECT_THAT(
      Error("text { files: 'a' tokenizer { vocab_merges { vocab: 'v' } } }"),
      HasSubstr("data.text.tokenizer.vocab_merges.merges is empty"));
  EXPECT_THAT(Error("tokens {}"), HasSubstr("data.tokens.train is empty"));
  EXPECT_THAT(Error("tokens { train: 'a' validation_share: nan }"),
              HasSubstr("data.tokens.validation_share is nan"));
  EXPECT_THAT(Error("tokens { train: 'a' tokenizer {} }"),
              HasSubstr("data.tokens.tokenizer is empty"));
  EXPECT_THAT(Error("text { files: 'a' } augmentation { scale: 0.1 }"),
              HasSubstr("data.augmentation is for images"));
}

TEST(DataRulesTest, TokensAreForGptAndFeaturesForMlp) {
  ModelSpec gpt, mlp;
  gpt.mutable_gpt();
  mlp.mutable_mlp();
  const DataSpec idx = Data("idx {}");
  const DataSpec text = Data("text {}");
  const DataSpec tokens = Data("tokens {}");
  EXPECT_TRUE(CheckDataSuits(idx, mlp).ok());
  EXPECT_TRUE(CheckDataSuits(text, gpt).ok());
  EXPECT_TRUE(CheckDataSuits(tokens, gpt).ok());
  EXPECT_THAT(std::string(CheckDataSuits(idx, gpt).message()),
              HasSubstr("model.gpt reads tokens, data.idx has images"));
  EXPECT_THAT(std::string(CheckDataSuits(tokens, mlp).message()),
              HasSubstr("data.tokens has tokens"));
}

}  // namespace
}  // namespace hawser
