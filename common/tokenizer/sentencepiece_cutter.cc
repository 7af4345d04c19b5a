#include "common/tokenizer/sentencepiece_cutter.h"

#include <algorithm>
#include <queue>

#include "common/tokenizer/utf8.h"

namespace hawser {
namespace {

// What a character that no piece has costs beyond the lowest score.
constexpr float kUnknownPenalty = 10;
constexpr size_t kNone = ~size_t{0};

size_t CharacterBytes(absl::string_view text, size_t at) {
  char32_t character;
  return std::max<size_t>(DecodeUtf8(text.substr(at), &character), 1);
}

}  // namespace

std::vector<SentencepieceCut> CutByScore(
    const SentencepieceVocabulary& vocabulary, absl::string_view text) {
  struct Best {  // way to cut what is before a place
    size_t from = kNone;
    float score = 0;
    int32_t token = 0;
  };
  std::vector<Best> best(text.size() + 1);
  for (size_t at = 0; at < text.size();) {
    const size_t character = CharacterBytes(text, at);
    const float score = best[at].score;
    bool has_character = false;
    const auto offer = [&](size_t bytes, int32_t token, float piece) {
      Best& place = best[at + bytes];
      if (place.from == kNone || score + piece > place.score) {
        place = {at, score + piece, token};
      }
    };
    vocabulary.tree.Match(text.substr(at), [&](size_t bytes, int32_t token) {
      offer(bytes, token, vocabulary.scores[static_cast<size_t>(token)]);
      has_character |= bytes == character;
    });
    if (!has_character) {
      offer(character, vocabulary.unknown, vocabulary.lowest - kUnknownPenalty);
    }
    at += character;
  }
  std::vector<SentencepieceCut> cuts;
  for (size_t end = text.size(); end != 0; end = best[end].from) {
    cuts.push_back({best[end].from, end - best[end].from, best[end].token});
  }
  std::reverse(cuts.begin(), cuts.end());
  return cuts;
}

std::vector<SentencepieceCut> CutByMerges(
    const SentencepieceVocabulary& vocabulary, absl::string_view text) {
  struct Symbol {
    size_t at;
    size_t bytes;  // 0: it has become part of the one before
    size_t previous;
    size_t next;
  };
  struct Candidate {
    float score;
    size_t left;
    size_t right;
    size_t bytes;
    bool operator<(const Candidate& other) const {
      return score < other.score || (score == other.score && left > other.left);
    }
  };
  std::vector<Symbol> symbols;
  for (size_t at = 0; at < text.size();) {
    const size_t bytes = CharacterBytes(text, at);
    const size_t number = symbols.size();
    symbols.push_back({at, bytes, number == 0 ? kNone : number - 1,
                       at + bytes == text.size() ? kNone : number + 1});
    at += bytes;
  }
  std::priority_queue<Candidate> queue;
  const auto offer = [&](size_t left, size_t right) {
    if (left == kNone || right == kNone) return;
    const size_t bytes = symbols[left].bytes + symbols[right].bytes;
    const auto found =
        vocabulary.tokens.find(text.substr(symbols[left].at, bytes));
    if (found == vocabulary.tokens.end()) return;
    queue.push({vocabulary.scores[static_cast<size_t>(found->second)], left,
                right, bytes});
  };
  for (size_t i = 1; i < symbols.size(); ++i) offer(i - 1, i);
  while (!queue.empty()) {
    const Candidate top = queue.top();
    queue.pop();
    Symbol& left = symbols[top.left];
    Symbol& right = symbols[top.right];
    // Either may have been merged since.
    if (left.bytes == 0 || right.bytes == 0 ||
        left.bytes + right.bytes != top.bytes) {
      continue;
    }
    left.bytes = top.bytes;
    left.next = right.next;
    right.bytes = 0;
    if (left.next != kNone) symbols[left.next].previous = top.left;
    offer(left.previous, top.left);
    offer(top.left, left.next);
  }
  std::vector<SentencepieceCut> cuts;
  for (size_t i = symbols.empty() ? kNone : 0; i != kNone;
       i = symbols[i].next) {
    const auto found =
        vocabulary.tokens.find(text.substr(symbols[i].at, symbols[i].bytes));
    cuts.push_back({symbols[i].at, symbols[i].bytes,
                    found == vocabulary.tokens.end() ? vocabulary.unknown
                                                     : found->second});
  }
  return cuts;
}

}  // namespace hawser
