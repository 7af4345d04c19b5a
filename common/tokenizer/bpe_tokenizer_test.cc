// Files that are not what they should be, texts that are meant to be slow, and
// the fast merges against the obvious ones.
#include <functional>
#include <string>
#include <vector>

#include "common/tokenizer/bpe_model.h"
#include "common/tokenizer/byte_alphabet.h"
#include "common/tokenizer/golden_files.h"
#include "common/tokenizer/tokenizer_json.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

Json Small() {
  Json vocab;
  for (int byte = 0; byte < 256; ++byte) {
    vocab[WriteBytes(std::string(1, static_cast<char>(byte)))] = byte;
  }
  vocab["ab"] = 256;
  vocab["abab"] = 257;
  return {
      {"added_tokens", Json::array({{{"id", 258}, {"content", "</s>"}}})},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
      {"model",
       {{"type", "BPE"},
        {"vocab", vocab},
        {"merges", Json::array({"a b", Json::array({"ab", "ab"})})}}}};
}

std::string Error(const std::function<void(Json*)>& change) {
  Json json = Small();
  change(&json);
  const auto tokenizer = ReadTokenizerJson(json.dump());
  EXPECT_FALSE(tokenizer.ok());
  return std::string(tokenizer.status().message());
}

TEST(BpeTokenizerTest, MergesAndAddedTokens) {
  const auto tokenizer = ReadTokenizerJson(Small().dump());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_EQ((*tokenizer)->vocabulary(), 259);
  EXPECT_EQ((*tokenizer)->end_of_text(), 258);
  EXPECT_THAT(*(*tokenizer)->Encode("ababab</s>a"),
              ElementsAre(257, 256, 258, 'a'));
  EXPECT_EQ(*(*tokenizer)->Decode({257, 258, 'a'}), "abab</s>a");
  EXPECT_FALSE((*tokenizer)->Decode({259}).ok());
  EXPECT_FALSE((*tokenizer)->Decode({-1}).ok());
  EXPECT_THAT(std::string((*tokenizer)->Encode("ab\xFF").status().message()),
              HasSubstr("not UTF-8 at byte 2"));
}

TEST(BpeTokenizerTest, WhatIsWrongWithAFileIsNamed) {
  EXPECT_THAT(Error([](Json* j) { j->erase("model"); }), HasSubstr("no model"));
  EXPECT_THAT(Error([](Json* j) { *j = Json::array(); }),
              HasSubstr("no model"));
  EXPECT_THAT(Error([](Json* j) { (*j)["model"]["type"] = "Unigram"; }),
              HasSubstr("model Unigram is not supported"));
  EXPECT_THAT(Error([](Json* j) { (*j)["normalizer"]["type"] = "NFC"; }),
              HasSubstr(R"(normalizer {"type":"NFC"} is not supported)"));
  EXPECT_THAT(
      Error([](Json* j) { (*j)["pre_tokenizer"]["type"] = "Metaspace"; }),
      HasSubstr("pre_tokenizer Metaspace is not supported"));
  EXPECT_THAT(
      Error([](Json* j) { (*j)["pre_tokenizer"]["use_regex"] = false; }),
      HasSubstr("without use_regex"));
  EXPECT_THAT(Error([](Json* j) { (*j)["model"]["dropout"] = 0.1; }),
              HasSubstr("model.dropout 0.1 is not supported"));
  EXPECT_THAT(Error([](Json* j) { (*j)["model"]["vocab"]["ab"] = 300; }),
              HasSubstr("no token has the number 256"));
  EXPECT_THAT(Error([](Json* j) { (*j)["model"]["vocab"]["ab"] = 3; }),
              HasSubstr("have the same number, 3"));
  EXPECT_THAT(Error([](Json* j) { (*j)["model"]["vocab"]["ab"] = -1; }),
              HasSubstr("has the number -1"));
  EXPECT_THAT(Error([](Json* j) { (*j)["model"]["vocab"]["ab"] = 1u << 31; }),
              HasSubstr("has the number 2147483648"));
  EXPECT_THAT(Error([](Json* j) { (*j)["model"]["vocab"]["ab"] = "x"; }),
              HasSubstr("has the number \"x\""));
  EXPECT_THAT(Error([](Json* j) { (*j)["model"]["vocab"]["漢"] = 258; }),
              HasSubstr("same number"));
  EXPECT_THAT(Error([](Json* j) { (*j)["model"]["vocab"]["漢"] = 259; }),
              HasSubstr("stands for no byte"));
  EXPECT_THAT(Error([](Json* j) { (*j)["model"]["merges"][0] = "a b c"; }),
              HasSubstr("is not a merge of two"));
  EXPECT_THAT(Error([](Json* j) { (*j)["model"]["merges"][0] = "a c"; }),
              HasSubstr("a merge needs \"ac\", which is not in the"));
  EXPECT_THAT(Error([](Json* j) { (*j)["model"]["merges"][1] = "a b"; }),
              HasSubstr("stands twice"));
  EXPECT_THAT(Error([](Json* j) { (*j)["model"]["merges"][1] = 7; }),
              HasSubstr("7 is not a merge"));
  EXPECT_THAT(Error([](Json* j) { (*j)["added_tokens"][0]["content"] = ""; }),
              HasSubstr("without content"));
  EXPECT_THAT(Error([](Json* j) { (*j)["added_tokens"][0]["lstrip"] = true; }),
              HasSubstr("with lstrip is not supported"));
  EXPECT_THAT(Error([](Json* j) {
                (*j)["added_tokens"] = {{"a", 1}};
              }),
              HasSubstr("not a list"));
  std::string text = Small().dump();
  text.insert(text.find("\"ab\":"), "\"ab\":256,");
  EXPECT_THAT(std::string(ReadTokenizerJson(text).status().message()),
              HasSubstr("the name \"ab\" stands twice"));
  EXPECT_THAT(
      std::string(
          ReadTokenizerJson(std::string(1 << 20, '[')).status().message()),
      HasSubstr("more than 32 levels"));
}

TEST(BpeTokenizerTest, AByteWithoutATokenIsNamed) {
  Json json = Small();
  json["model"]["vocab"].erase("z");
  json["model"]["vocab"]["zz"] = 'z';
  const auto tokenizer = ReadTokenizerJson(json.dump());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_THAT(std::string((*tokenizer)->Encode("a zoo").status().message()),
              HasSubstr("no token for byte 0x7a of \" zoo\""));
}

TEST(BpeTokenizerTest, VocabularyAndMergesOfGpt2) {
  Json vocab = Small()["model"]["vocab"];
  vocab["<|endoftext|>"] = 258;
  const auto tokenizer =
      ReadVocabAndMerges(vocab.dump(), "#version: 0.2\na b\r\nab ab\n");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_EQ((*tokenizer)->end_of_text(), 258);
  EXPECT_THAT(*(*tokenizer)->Encode("ababab<|endoftext|>"),
              ElementsAre(257, 256, 258));
  EXPECT_FALSE(ReadVocabAndMerges(vocab.dump(), "a").ok());
  EXPECT_FALSE(ReadVocabAndMerges("[]", "a b").ok());
  EXPECT_FALSE(ReadVocabAndMerges("", "").ok());
}

// Would take hours if each merge looked at the whole word.
TEST(BpeTokenizerTest, ALongWordIsNoTrouble) {
  const auto tokenizer = ReadTokenizerJson(Small().dump());
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  for (const char* unit : {"aa", "ab", "  ", "\n\n", "''", "12"}) {
    std::string text;
    while (text.size() < 1 << 20) text += unit;
    const auto tokens = (*tokenizer)->Encode(text);
    ASSERT_TRUE(tokens.ok()) << tokens.status();
    EXPECT_EQ(*(*tokenizer)->Decode(*tokens), text);
  }
}

// One merge at a time, looking at all.
std::vector<std::string> MergeObviously(
    const std::vector<std::pair<std::string, std::string>>& merges,
    const std::string& word) {
  std::vector<std::string> symbols;
  for (const char c : word) symbols.emplace_back(1, c);
  for (;;) {
    size_t best = symbols.size(), best_rank = merges.size();
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      for (size_t rank = 0; rank < best_rank; ++rank) {
        if (merges[rank] == std::pair(symbols[i], symbols[i + 1])) {
          best = i;
          best_rank = rank;
        }
      }
    }
    if (best == symbols.size()) return symbols;
    symbols[best] += symbols[best + 1];
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST(BpeModelTest, FastMergesAreTheObviousOnes) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const CounterRandom random(seed, RandomPurpose::kTextStart);
    uint64_t at = 0;
    std::vector<std::string> tokens = {"a", "b", "c"};
    std::vector<std::pair<std::string, std::string>> merges;
    while (tokens.size() < 20) {
      const std::string left = tokens[random.Below(at++, tokens.size())];
      const std::string right = tokens[random.Below(at++, tokens.size())];
      if (std::find(tokens.begin(), tokens.end(), left + right) !=
          tokens.end()) {
        continue;
      }
      // In no sensible order: what is merged later may rank first.
      merges.insert(merges.begin() + static_cast<std::ptrdiff_t>(
                                         random.Below(at++, merges.size() + 1)),
                    {left, right});
      tokens.push_back(left + right);
    }
    const auto model = BpeModel::Make(tokens, merges, false);
    ASSERT_TRUE(model.ok()) << model.status();
    for (int round = 0; round < 20; ++round) {
      std::string word;
      const uint64_t length = 1 + random.Below(at++, round < 10 ? 64 : 300);
      while (word.size() < length) {
        word.push_back(static_cast<char>('a' + random.Below(at++, 3)));
      }
      std::vector<int32_t> encoded;
      ASSERT_TRUE(model->EncodeWord(word, &encoded).ok());
      std::vector<std::string> texts;
      for (const int32_t t : encoded) {
        texts.push_back(tokens[static_cast<size_t>(t)]);
      }
      EXPECT_EQ(texts, MergeObviously(merges, word)) << seed << " " << word;
    }
  }
}

// Bytes changed, cut off and put in at random: an error or a tokenizer, never a
// crash.
TEST(BpeTokenizerTest, DamagedFilesAreNoTrouble) {
  const std::string good = Small().dump();
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const CounterRandom random(seed, RandomPurpose::kTextStart);
    std::string text = good;
    for (uint64_t i = 0; i < 1 + random.Below(1000, 4); ++i) {
      const size_t at = random.Below(3 * i, text.size());
      const char byte = R"([]{},:"0a\)"[random.Below(3 * i + 1, 10)];
      switch (random.Below(3 * i + 2, 3)) {
        case 0:
          text[at] = byte;
          break;
        case 1:
          text.insert(at, 1, byte);
          break;
        default:
          text.erase(at, 1 + at % 7);
      }
    }
    const auto tokenizer = ReadTokenizerJson(text);
    if (tokenizer.ok()) (void)(*tokenizer)->Encode("abab é</s> \n x").ok();
  }
}

}  // namespace
}  // namespace hawser
