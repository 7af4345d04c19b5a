// Byte-level BPE gives the tokens of the `tokenizers` package.
#include <string>
#include <vector>

#include "common/tokenizer/golden_files.h"
#include "common/tokenizer/stream_decoder.h"
#include "common/tokenizer/tokenizer_json.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using Json = nlohmann::json;

std::unique_ptr<Tokenizer> Variant(const Json& changes) {
  Json json = GoldenJson("bpe.json");
  for (const auto& [path, value] : changes.items()) {
    json[Json::json_pointer(path)] = value;
  }
  auto tokenizer = ReadTokenizerJson(json.dump());
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return tokenizer.ok() ? *std::move(tokenizer) : nullptr;
}

class BpeGoldenTest : public testing::TestWithParam<const char*> {
 protected:
  BpeGoldenTest()
      : golden_(GoldenJson("golden.json")),
        variant_(golden_["variants"][GetParam()]),
        tokenizer_(Variant(variant_["changes"])),
        corpus_(GoldenCorpus(golden_["corpus"]["seed"],
                             golden_["corpus"]["bytes"])) {}
  const Json golden_;
  const Json variant_;
  const std::unique_ptr<Tokenizer> tokenizer_;
  const std::string corpus_;
};

TEST_P(BpeGoldenTest, TheCorpusIsTheScripts) {
  Sha256 hash;
  hash.Update(corpus_.data(), corpus_.size());
  EXPECT_EQ(hash.Hex(), golden_["corpus"]["sha256"]);
}

TEST_P(BpeGoldenTest, ShortTexts) {
  int cases = 0;
  for (const Json& one : golden_["cases"]) {
    if (one["variant"] != GetParam()) continue;
    const std::string text = one["text"];
    const auto tokens = tokenizer_->Encode(text);
    ASSERT_TRUE(tokens.ok()) << tokens.status();
    EXPECT_EQ(*tokens, one["tokens"].get<std::vector<int32_t>>()) << text;
    ++cases;
  }
  EXPECT_GT(cases, 10);
}

TEST_P(BpeGoldenTest, MoreThanAMegabyteOfMixedText) {
  const auto tokens = tokenizer_->Encode(corpus_);
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  EXPECT_EQ(tokens->size(), variant_["tokens"].get<size_t>());
  EXPECT_EQ(HashOf(*tokens), variant_["sha256"]);
}

TEST_P(BpeGoldenTest, PiecesGiveTheTokensOfTheWhole) {
  const auto whole = tokenizer_->Encode(corpus_);
  ASSERT_TRUE(whole.ok()) << whole.status();
  for (const size_t most : {30, 500, 20000}) {
    const std::string text = corpus_.substr(0, most * 2000);
    const std::string valid = text.substr(0, ValidUtf8Prefix(text));
    const auto tokens = tokenizer_->Encode(valid);
    ASSERT_TRUE(tokens.ok()) << tokens.status();
    EXPECT_TRUE(EncodeInPieces(*tokenizer_, valid, most, most) == *tokens)
        << most;
  }
}

TEST_P(BpeGoldenTest, DecodingGivesTheTextBack) {
  const std::string text = corpus_.substr(0, 100000);
  const std::string valid = text.substr(0, ValidUtf8Prefix(text));
  const auto tokens = tokenizer_->Encode(valid);
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  StreamDecoder decoder(tokenizer_.get());
  std::string streamed;
  for (const int32_t token : *tokens) {
    const std::string part = decoder.Add(token);
    EXPECT_EQ(ValidUtf8Prefix(part), part.size());
    streamed += part;
  }
  streamed += decoder.Finish();
  const auto decoded = tokenizer_->Decode(*tokens);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_TRUE(streamed == *decoded);
  if (std::string(GetParam()) != "prefix") {
    EXPECT_TRUE(*decoded == valid);
  }
}

INSTANTIATE_TEST_SUITE_P(All, BpeGoldenTest,
                         testing::Values("plain", "prefix", "cl100k", "qwen2",
                                         "whole_words"),
                         [](const auto& info) {
                           return std::string(info.param);
                         });

}  // namespace
}  // namespace hawser
