#include "common/tokenizer/bpe_model.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <tuple>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

// Up to so many bytes, looking at every neighbour for each merge is faster than
// a heap.
constexpr size_t kShortWord = 64;
constexpr uint32_t kNoRank = ~uint32_t{0};
constexpr size_t kNone = ~size_t{0};

uint64_t PairKey(int32_t left, int32_t right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 |
         static_cast<uint32_t>(right);
}

std::string Quoted(absl::string_view text) {
  return absl::StrCat("\"", absl::CHexEscape(text), "\"");
}

}  // namespace

absl::StatusOr<int32_t> BpeModel::TokenOf(absl::string_view bytes) const {
  const auto found = token_of_.find(bytes);
  if (found != token_of_.end()) return found->second;
  return absl::InvalidArgumentError(absl::StrCat(
      "a merge needs ", Quoted(bytes), ", which is not in the vocabulary"));
}

absl::StatusOr<BpeModel> BpeModel::Make(
    absl::Span<const std::string> tokens,
    const std::vector<std::pair<std::string, std::string>>& merges,
    bool takes_whole_words) {
  BpeModel model;
  model.takes_whole_words_ = takes_whole_words;
  model.byte_token_.fill(-1);
  for (size_t i = 0; i < tokens.size(); ++i) {
    const std::string& token = tokens[i];
    const auto id = static_cast<int32_t>(i);
    if (token.empty()) continue;
    if (!model.token_of_.emplace(token, id).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("two tokens stand for ", Quoted(token)));
    }
    if (token.size() == 1) {
      model.byte_token_[static_cast<uint8_t>(token[0])] = id;
    }
  }
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    ASSIGN_OR_RETURN(const int32_t left_token, model.TokenOf(left));
    ASSIGN_OR_RETURN(const int32_t right_token, model.TokenOf(right));
    ASSIGN_OR_RETURN(const int32_t token,
                     model.TokenOf(absl::StrCat(left, right)));
    if (!model.merges_
             .emplace(PairKey(left_token, right_token),
                      Merge{static_cast<uint32_t>(rank), token})
             .second) {
      return absl::InvalidArgumentError(
          absl::StrCat("the merge of ", Quoted(left), " and ", Quoted(right),
                       " stands twice"));
    }
  }
  return model;
}

const BpeModel::Merge* BpeModel::Find(int32_t left, int32_t right) const {
  const auto found = merges_.find(PairKey(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

absl::Status BpeModel::EncodeWord(absl::string_view word,
                                  std::vector<int32_t>* tokens) const {
  if (takes_whole_words_) {
    const auto whole = token_of_.find(word);
    if (whole != token_of_.end()) {
      tokens->push_back(whole->second);
      return absl::OkStatus();
    }
  }
  const size_t first = tokens->size();
  for (const char byte : word) {
    const int32_t token = byte_token_[static_cast<uint8_t>(byte)];
    if (token < 0) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "the vocabulary has no token for byte 0x%02x of %s",
          static_cast<uint8_t>(byte), Quoted(word.substr(0, 40))));
    }
    tokens->push_back(token);
  }
  if (word.size() <= kShortWord) {
    MergeShort(tokens, first);
  } else {
    MergeLong(tokens, first);
  }
  return absl::OkStatus();
}

void BpeModel::MergeShort(std::vector<int32_t>* symbols, size_t first) const {
  int32_t* symbol = symbols->data() + first;
  size_t count = symbols->size() - first;
  std::array<Merge, kShortWord> merges;  // of each symbol with the next
  const auto look = [&](size_t at) {
    const Merge* merge = Find(symbol[at], symbol[at + 1]);
    merges[at] = merge == nullptr ? Merge{kNoRank, 0} : *merge;
  };
  for (size_t i = 0; i + 1 < count; ++i) look(i);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].rank == kNoRank) break;
    symbol[best] = merges[best].token;
    std::copy(symbol + best + 2, symbol + count, symbol + best + 1);
    std::copy(merges.begin() + static_cast<std::ptrdiff_t>(best) + 1,
              merges.begin() + static_cast<std::ptrdiff_t>(count) - 1,
              merges.begin() + static_cast<std::ptrdiff_t>(best));
    --count;
    if (best + 1 < count) look(best);
    if (best > 0) look(best - 1);
  }
  symbols->resize(first + count);
}

void BpeModel::MergeLong(std::vector<int32_t>* symbols, size_t first) const {
  struct Link {
    size_t previous;
    size_t next;
  };
  struct Candidate {
    uint32_t rank;
    size_t at;
    int32_t left;
    int32_t right;
    bool operator>(const Candidate& other) const {
      return std::tie(rank, at) > std::tie(other.rank, other.at);
    }
  };
  int32_t* symbol = symbols->data() + first;
  const size_t count = symbols->size() - first;
  std::vector<Link> links(count);
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto offer = [&](size_t at) {
    if (at == kNone || links[at].next == kNone) return;
    const int32_t right = symbol[links[at].next];
    const Merge* merge = Find(symbol[at], right);
    if (merge != nullptr) queue.push({merge->rank, at, symbol[at], right});
  };
  for (size_t i = 0; i < count; ++i) {
    links[i] = {i == 0 ? kNone : i - 1, i + 1 == count ? kNone : i + 1};
  }
  for (size_t i = 0; i + 1 < count; ++i) offer(i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    const size_t next = links[best.at].next;
    // One of the two may have been merged since; a merged one is -1.
    if (symbol[best.at] != best.left || next == kNone ||
        symbol[next] != best.right) {
      continue;
    }
    symbol[best.at] = Find(best.left, best.right)->token;
    symbol[next] = -1;
    links[best.at].next = links[next].next;
    if (links[next].next != kNone) links[links[next].next].previous = best.at;
    offer(best.at);
    offer(links[best.at].previous);
  }
  symbols->erase(
      std::remove(symbols->begin() + static_cast<std::ptrdiff_t>(first),
                  symbols->end(), -1),
      symbols->end());
}

}  // namespace hawser
