// sentencepiece models give the tokens of the `sentencepiece` package.
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "common/tokenizer/golden_files.h"
#include "common/tokenizer/sentencepiece_tokenizer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/sentencepiece_model.pb.h"

namespace hawser {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

class SentencepieceTest : public testing::TestWithParam<const char*> {
 protected:
  SentencepieceTest()
      : golden_(GoldenJson("sentencepiece.json")[GetParam()]),
        tokenizer_(*ReadSentencepieceModel(GoldenFile(GetParam()))) {}
  const Json golden_;
  const std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_P(SentencepieceTest, ShortTexts) {
  EXPECT_EQ(tokenizer_->vocabulary(), golden_["vocabulary"]);
  EXPECT_EQ(tokenizer_->end_of_text(), 2);
  for (const Json& one : golden_["cases"]) {
    const std::string text = one["text"];
    const auto tokens = tokenizer_->Encode(text);
    ASSERT_TRUE(tokens.ok()) << tokens.status();
    EXPECT_EQ(*tokens, one["tokens"].get<std::vector<int32_t>>()) << text;
  }
}

TEST_P(SentencepieceTest, MoreThanAMegabyteOfMixedLines) {
  std::string corpus = GoldenCorpus(1, 1200000);
  corpus.erase(std::remove(corpus.begin(), corpus.end(), '\0'), corpus.end());
  std::vector<int32_t> all;
  for (const absl::string_view line : absl::StrSplit(corpus, '\n')) {
    const auto tokens = tokenizer_->Encode(line);
    ASSERT_TRUE(tokens.ok()) << tokens.status();
    all.insert(all.end(), tokens->begin(), tokens->end());
  }
  EXPECT_EQ(all.size(), golden_["tokens"].get<size_t>());
  EXPECT_EQ(HashOf(all), golden_["sha256"]);
}

TEST_P(SentencepieceTest, PiecesGiveTheTokensOfTheWhole) {
  const std::string corpus = GoldenCorpus(3, 200000);
  const auto whole = tokenizer_->Encode(corpus);
  ASSERT_TRUE(whole.ok()) << whole.status();
  for (const size_t most : {50, 3000}) {
    EXPECT_TRUE(EncodeInPieces(*tokenizer_, corpus, most, most) == *whole);
  }
}

TEST_P(SentencepieceTest, DecodingGivesTheTextBack) {
  const auto tokens = tokenizer_->Encode("Hello World's time");
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  EXPECT_EQ(*tokenizer_->Decode(*tokens), "Hello World's time");
}

TEST_P(SentencepieceTest, ALongWordIsNoTrouble) {
  const auto tokens = tokenizer_->Encode(std::string(1 << 20, 'a'));
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  EXPECT_EQ(tokenizer_->Decode(*tokens)->size(), size_t{1} << 20);
}

// Bytes changed at random: an error or a tokenizer, never a crash.
TEST_P(SentencepieceTest, DamagedFilesAreNoTrouble) {
  const std::string good = GoldenFile(GetParam());
  const std::string text = GoldenCorpus(4, 2000);
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const CounterRandom random(seed, RandomPurpose::kTextStart);
    std::string file = good;
    for (uint64_t i = 0; i < 8; ++i) {
      file[random.Below(2 * i, file.size())] =
          static_cast<char>(random.Word(8 * i + 4));
    }
    if (seed % 4 == 0) file.resize(random.Below(999, file.size()));
    const auto tokenizer = ReadSentencepieceModel(file);
    if (tokenizer.ok()) (void)(*tokenizer)->Encode(text).ok();
  }
}

INSTANTIATE_TEST_SUITE_P(All, SentencepieceTest,
                         testing::Values("unigram.model", "llama.model"),
                         [](const auto& info) {
                           return std::string(info.param, info.param + 5);
                         });

std::string Error(const sentencepiece::Model& model) {
  return std::string(
      ReadSentencepieceModel(model.SerializeAsString()).status().message());
}

TEST(SentencepieceFileTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(std::string(ReadSentencepieceModel("{}").status().message()),
              HasSubstr("not a sentencepiece model"));
  sentencepiece::Model good;
  auto* piece = good.add_pieces();
  piece->set_piece("<unk>");
  piece->set_type(sentencepiece::Piece::UNKNOWN);
  good.add_pieces()->set_piece("a");
  EXPECT_EQ(Error(good), "");
  sentencepiece::Model bad = good;
  bad.add_pieces()->set_piece("a");
  EXPECT_THAT(Error(bad), HasSubstr("stands twice"));
  bad = good;
  bad.mutable_pieces(1)->set_score(std::numeric_limits<float>::quiet_NaN());
  EXPECT_THAT(Error(bad), HasSubstr("no finite score"));
  bad = good;
  bad.mutable_pieces(0)->set_type(sentencepiece::Piece::CONTROL);
  EXPECT_THAT(Error(bad), HasSubstr("no piece stands for the unknown"));
  bad = good;
  bad.mutable_trainer_spec()->set_byte_fallback(true);
  EXPECT_THAT(Error(bad), HasSubstr("lacks some of them"));
  bad = good;
  bad.mutable_pieces(1)->set_type(sentencepiece::Piece::USER_DEFINED);
  EXPECT_THAT(Error(bad), HasSubstr("user-defined or unused pieces"));
  bad = good;
  bad.mutable_normalizer_spec()->set_precompiled_charsmap("12345");
  EXPECT_THAT(Error(bad), HasSubstr("normalizer is damaged"));
}

}  // namespace
}  // namespace hawser
