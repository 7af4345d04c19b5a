#include "common/tokenizer/bpe_trainer.h"

#include <algorithm>
#include <array>
#include <queue>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/tokenizer/byte_alphabet.h"
#include "common/tokenizer/word_splitter.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;
using Pair = std::pair<int32_t, int32_t>;

constexpr char kEndOfText[] = "<|endoftext|>";

struct Word {
  std::vector<int32_t> symbols;
  int64_t count;
};

// A pair with its count when it was put into the queue.
struct Candidate {
  int64_t count;
  Pair pair;
  bool operator<(const Candidate& other) const {
    return count < other.count || (count == other.count && pair > other.pair);
  }
};

// The words as they are merged, and which pairs are where.
class Merger {
 public:
  explicit Merger(std::vector<Word> words) : words_(std::move(words)) {
    for (size_t i = 0; i < words_.size(); ++i) {
      const std::vector<int32_t>& symbols = words_[i].symbols;
      for (size_t j = 1; j < symbols.size(); ++j) {
        Change({symbols[j - 1], symbols[j]}, i, words_[i].count);
      }
    }
    for (const auto& [pair, count] : counts_) queue_.push({count, pair});
    changed_.clear();
  }

  // The pair to merge next; false: none occurs often enough.
  bool Next(Pair* pair) {
    while (!queue_.empty()) {
      Candidate top = queue_.top();
      queue_.pop();
      const int64_t count = counts_[top.pair];
      if (count != top.count) {  // some of it has been merged since
        top.count = count;
        if (count > 0) queue_.push(top);
        continue;
      }
      if (count < BpeTrainer::kLeastCount) return false;
      *pair = top.pair;
      return true;
    }
    return false;
  }

  void Merge(const Pair& pair, int32_t token) {
    const absl::flat_hash_set<size_t> where = std::move(where_[pair]);
    where_.erase(pair);
    for (const size_t word : where) MergeWord(word, pair, token);
    counts_.erase(pair);
    for (const Pair& changed : changed_) {
      const auto found = counts_.find(changed);
      if (found != counts_.end() && found->second > 0) {
        queue_.push({found->second, changed});
      }
    }
    changed_.clear();
  }

 private:
  void Change(const Pair& pair, size_t word, int64_t by) {
    counts_[pair] += by;
    if (by <= 0) return;
    where_[pair].insert(word);
    changed_.insert(pair);
  }

  void MergeWord(size_t number, const Pair& pair, int32_t token) {
    std::vector<int32_t>& symbols = words_[number].symbols;
    const int64_t count = words_[number].count;
    size_t kept = 0;
    for (size_t at = 0; at < symbols.size(); ++at) {
      const bool here = at + 1 < symbols.size() && symbols[at] == pair.first &&
                        symbols[at + 1] == pair.second;
      if (!here) {
        symbols[kept++] = symbols[at];
        continue;
      }
      if (kept > 0) {
        Change({symbols[kept - 1], pair.first}, number, -count);
        Change({symbols[kept - 1], token}, number, count);
      }
      if (at + 2 < symbols.size()) {
        Change({pair.second, symbols[at + 2]}, number, -count);
        Change({token, symbols[at + 2]}, number, count);
      }
      symbols[kept++] = token;
      ++at;
    }
    symbols.resize(kept);
  }

  std::vector<Word> words_;
  absl::flat_hash_map<Pair, int64_t> counts_;
  absl::flat_hash_map<Pair, absl::flat_hash_set<size_t>> where_;
  absl::flat_hash_set<Pair> changed_;  // pairs that there are more of
  std::priority_queue<Candidate> queue_;
};

// The token of each byte: in the order of the characters that bytes are written
// by, after <|endoftext|>.
std::array<int32_t, 256> ByteTokens() {
  std::vector<std::pair<char32_t, size_t>> order;
  for (size_t byte = 0; byte < 256; ++byte) {
    order.emplace_back(CharacterOfByte(static_cast<uint8_t>(byte)), byte);
  }
  std::sort(order.begin(), order.end());
  std::array<int32_t, 256> tokens{};
  for (size_t i = 0; i < order.size(); ++i) {
    tokens[order[i].second] = static_cast<int32_t>(i + 1);
  }
  return tokens;
}

Json Document(const Json& vocab, const Json& merges) {
  const Json added = {
      {"id", 0},         {"content", kEndOfText}, {"single_word", false},
      {"lstrip", false}, {"rstrip", false},       {"normalized", false},
      {"special", true}};
  const Json byte_level = {{"type", "ByteLevel"},
                           {"add_prefix_space", false},
                           {"trim_offsets", true},
                           {"use_regex", true}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", Json::array({added})},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level},
          {"post_processor", nullptr},
          {"decoder", byte_level},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"vocab", vocab},
            {"merges", merges}}}};
}

}  // namespace

size_t BpeTrainer::AddSome(absl::string_view text, bool last) {
  size_t used = 0;
  size_t word = 0;  // bytes of the word that starts at `used`
  const auto count = [&] { ++words_[text.substr(used, word)]; };
  while (used + word < text.size()) {
    const size_t next = NextWord(WordPattern::kGpt2, text.substr(used + word));
    // A word is sure if the one after it ends before the text.
    if (!last && used + word + next == text.size()) return used;
    if (word != 0) count();
    used += word;
    word = next;
  }
  if (word != 0) count();
  return text.size();
}

std::string BpeTrainer::Train(int64_t vocabulary) const {
  const std::array<int32_t, 256> byte_tokens = ByteTokens();
  std::vector<std::string> written(kFewest);  // by token
  written[0] = kEndOfText;
  for (size_t byte = 0; byte < 256; ++byte) {
    written[static_cast<size_t>(byte_tokens[byte])] =
        WriteBytes(std::string(1, static_cast<char>(byte)));
  }
  std::vector<Word> words;
  for (const auto& [text, count] : words_) {
    Word word{{}, count};
    for (const char byte : text) {
      word.symbols.push_back(byte_tokens[static_cast<uint8_t>(byte)]);
    }
    words.push_back(std::move(word));
  }
  absl::flat_hash_map<std::string, int32_t> tokens;
  for (size_t i = 0; i < written.size(); ++i) {
    tokens[written[i]] = static_cast<int32_t>(i);
  }
  Json merges = Json::array();
  Merger merger(std::move(words));
  Pair pair;
  while (static_cast<int64_t>(written.size()) < vocabulary &&
         merger.Next(&pair)) {
    const std::string& left = written[static_cast<size_t>(pair.first)];
    const std::string& right = written[static_cast<size_t>(pair.second)];
    merges.push_back(absl::StrCat(left, " ", right));
    // Different merges may make the same text.
    const auto [token, is_new] = tokens.emplace(
        absl::StrCat(left, right), static_cast<int32_t>(written.size()));
    if (is_new) written.push_back(token->first);
    merger.Merge(pair, token->second);
  }
  Json vocab = Json::object();
  auto& members = vocab.get_ref<Json::object_t&>();
  for (size_t i = 0; i < written.size(); ++i) {
    // Not vocab[name], which looks through all.
    members.Container::emplace_back(written[i], i);
  }
  return Document(vocab, merges).dump() + "\n";
}

}  // namespace hawser
