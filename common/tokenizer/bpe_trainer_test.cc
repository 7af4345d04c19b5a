#include "common/tokenizer/bpe_trainer.h"

#include "common/tokenizer/golden_files.h"
#include "common/tokenizer/tokenizer_json.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using Json = nlohmann::json;

// tokenizer_golden.py trains on the same.
TEST(BpeTrainerTest, TrainsWhatTheTokenizersPackageTrains) {
  BpeTrainer trainer;
  trainer.Add(GoldenCorpus(5, 400000));
  for (const Json& fragment : GoldenJson("fragments.json")) {
    trainer.Add(fragment.get<std::string>());
  }
  const Json mine = Json::parse(trainer.Train(1500));
  const Json golden = GoldenJson("bpe.json");
  std::string merges;
  for (const Json& merge : golden["model"]["merges"]) {
    merges += merge.is_string() ? merge.get<std::string>()
                                : merge[0].get<std::string>() + " " +
                                      merge[1].get<std::string>();
    merges += "\n";
  }
  std::string my_merges;
  for (const Json& merge : mine["model"]["merges"]) {
    my_merges += merge.get<std::string>() + "\n";
  }
  EXPECT_EQ(my_merges, merges);
  EXPECT_EQ(mine["model"]["vocab"], golden["model"]["vocab"]);
}

TEST(BpeTrainerTest, PartsCountAsTheWhole) {
  const std::string corpus = GoldenCorpus(6, 30000);
  BpeTrainer whole, parts;
  whole.Add(corpus);
  size_t at = 0;
  for (size_t bytes = 1; at < corpus.size(); bytes = bytes * 7 % 1009 + 40) {
    absl::string_view part = absl::string_view(corpus).substr(at, bytes);
    const bool last = at + part.size() == corpus.size();
    if (!last) part = part.substr(0, ValidUtf8Prefix(part));
    at += parts.AddSome(part, last);
  }
  EXPECT_EQ(parts.Train(400), whole.Train(400));
}

TEST(BpeTrainerTest, LittleTextGivesFewTokens) {
  BpeTrainer trainer;
  trainer.Add("");
  const auto none = ReadTokenizerJson(trainer.Train(1000));
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ((*none)->vocabulary(), BpeTrainer::kFewest);
  trainer.Add("abab aaaa");
  trainer.Add(std::string(100000, 'x'));
  const auto tokenizer = ReadTokenizerJson(trainer.Train(1000));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_GT((*tokenizer)->vocabulary(), BpeTrainer::kFewest + 10);
  EXPECT_EQ((*tokenizer)->end_of_text(), 0);
}

}  // namespace
}  // namespace hawser
