#include "common/tokenizer/unicode.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace hawser {
namespace {

constexpr char32_t kTableEnd = 0x10000;

struct Range {
  char32_t first;
  char32_t last;
  CharacterKind kind;
};

constexpr CharacterKind kLetter = CharacterKind::kLetter;
constexpr CharacterKind kNumber = CharacterKind::kNumber;
constexpr CharacterKind kSpace = CharacterKind::kSpace;

// In order; what lies between is of no kind.
constexpr Range kRanges[] = {
#include "common/tokenizer/unicode_ranges.inc"
};

CharacterKind Search(char32_t character) {
  const Range* after = std::upper_bound(
      std::begin(kRanges), std::end(kRanges), character,
      [](char32_t at, const Range& range) { return at < range.first; });
  if (after == std::begin(kRanges)) return CharacterKind::kOther;
  const Range& range = *(after - 1);
  return character <= range.last ? range.kind : CharacterKind::kOther;
}

std::vector<CharacterKind> MakeTable() {
  std::vector<CharacterKind> table(kTableEnd, CharacterKind::kOther);
  for (const Range& range : kRanges) {
    for (char32_t at = range.first; at <= range.last && at < kTableEnd; ++at) {
      table[at] = range.kind;
    }
  }
  return table;
}

}  // namespace

CharacterKind KindOf(char32_t character) {
  static const std::vector<CharacterKind>& table =
      *new std::vector<CharacterKind>(MakeTable());
  return character < kTableEnd ? table[character] : Search(character);
}

}  // namespace hawser
