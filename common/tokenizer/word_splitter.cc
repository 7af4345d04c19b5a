#include "common/tokenizer/word_splitter.h"

#include <algorithm>
#include <cstdint>

#include "common/tokenizer/unicode.h"
#include "common/tokenizer/utf8.h"

namespace hawser {
namespace {

constexpr char kGpt2Expression[] =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr char kCl100kExpression[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr char kQwen2Expression[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr char32_t kLongS = 0x17F;  // what (?i:s) matches besides s and S

// A character of the text: where it ends and what it is. At the text's end it
// is empty and of no kind.
struct Character {
  char32_t code = 0;
  size_t end = 0;
  CharacterKind kind = CharacterKind::kOther;
  bool there = false;

  bool Is(CharacterKind wanted) const { return there && kind == wanted; }
  bool IsLineEnd() const { return there && (code == '\r' || code == '\n'); }
};

CharacterKind KindOfAscii(char character) {
  const char lower = static_cast<char>(character | 0x20);
  if (lower >= 'a' && lower <= 'z') return CharacterKind::kLetter;
  if (character >= '0' && character <= '9') return CharacterKind::kNumber;
  const bool space = character == ' ' || (character >= 9 && character <= 13);
  return space ? CharacterKind::kSpace : CharacterKind::kOther;
}

Character At(absl::string_view text, size_t at) {
  Character character;
  character.end = at;
  if (at >= text.size()) return character;
  if (text[at] >= 0) {  // ASCII
    character.code = static_cast<char32_t>(text[at]);
    character.end = at + 1;
    character.kind = KindOfAscii(text[at]);
    character.there = true;
    return character;
  }
  // What is not UTF-8 counts as one strange character a byte.
  const size_t bytes = DecodeUtf8(text.substr(at), &character.code);
  character.end = at + std::max<size_t>(bytes, 1);
  character.kind = bytes == 0 ? CharacterKind::kOther : KindOf(character.code);
  character.there = true;
  return character;
}

// Where the run of this kind that starts at `at` ends, after at most `most`
// characters.
size_t RunEnd(absl::string_view text, size_t at, CharacterKind kind,
              size_t most = SIZE_MAX) {
  for (; most != 0; --most) {
    const Character character = At(text, at);
    if (!character.Is(kind)) break;
    at = character.end;
  }
  return at;
}

size_t LineEndsEnd(absl::string_view text, size_t at) {
  while (At(text, at).IsLineEnd()) ++at;
  return at;
}

// A contraction after the apostrophe at the start; 0: there is none.
size_t Contraction(absl::string_view text, bool any_case) {
  const Character first = At(text, 1);
  const auto lower = [&](const Character& character) -> char32_t {
    if (!any_case) return character.code;
    if (character.code == kLongS) return 's';
    const bool upper = character.code >= 'A' && character.code <= 'Z';
    return upper ? character.code + 'a' - 'A' : character.code;
  };
  const char32_t one = lower(first);
  if (one == 's' || one == 't' || one == 'm' || one == 'd') return first.end;
  const Character second = At(text, first.end);
  const char32_t two = lower(second);
  const bool whole = (one == 'r' && two == 'e') || (one == 'v' && two == 'e') ||
                     (one == 'l' && two == 'l');
  return whole ? second.end : 0;
}

// \s+(?!\S)|\s+ for the run of spaces [0, end): all but the last of it if
// something follows, but at least one.
size_t Spaces(absl::string_view text, size_t end) {
  if (end == text.size()) return end;
  size_t last = 0;
  for (size_t at = 0; at < end; at = At(text, at).end) last = at;
  return last == 0 ? end : last;
}

size_t NextGpt2(absl::string_view text) {
  const Character first = At(text, 0);
  if (first.code == '\'') {
    const size_t end = Contraction(text, /*any_case=*/false);
    if (end != 0) return end;
  }
  const size_t start = first.code == ' ' ? 1 : 0;
  const Character word = start == 0 ? first : At(text, start);
  if (word.there && word.kind != CharacterKind::kSpace) {
    return RunEnd(text, word.end, word.kind);
  }
  return Spaces(text, RunEnd(text, first.end, CharacterKind::kSpace));
}

size_t NextCl100k(absl::string_view text, size_t most_digits) {
  const Character first = At(text, 0);
  if (first.code == '\'') {
    const size_t end = Contraction(text, /*any_case=*/true);
    if (end != 0) return end;
  }
  if (first.kind == CharacterKind::kLetter) {
    return RunEnd(text, first.end, CharacterKind::kLetter);
  }
  if (first.kind == CharacterKind::kNumber) {
    return RunEnd(text, 0, CharacterKind::kNumber, most_digits);
  }
  const Character second = At(text, first.end);
  if (!first.IsLineEnd() && second.Is(CharacterKind::kLetter)) {
    return RunEnd(text, second.end, CharacterKind::kLetter);
  }
  if (first.kind == CharacterKind::kOther) {
    return LineEndsEnd(text, RunEnd(text, first.end, CharacterKind::kOther));
  }
  if (first.code == ' ' && second.Is(CharacterKind::kOther)) {
    return LineEndsEnd(text, RunEnd(text, second.end, CharacterKind::kOther));
  }
  const size_t end = RunEnd(text, first.end, CharacterKind::kSpace);
  const size_t line_end = text.substr(0, end).find_last_of("\r\n");
  if (line_end != absl::string_view::npos) return line_end + 1;
  return Spaces(text, end);
}

}  // namespace

std::optional<WordPattern> PatternOf(absl::string_view regular_expression) {
  if (regular_expression == kGpt2Expression) return WordPattern::kGpt2;
  if (regular_expression == kCl100kExpression) return WordPattern::kCl100k;
  if (regular_expression == kQwen2Expression) return WordPattern::kQwen2;
  return std::nullopt;
}

size_t NextWord(WordPattern pattern, absl::string_view text) {
  switch (pattern) {
    case WordPattern::kGpt2:
      break;
    case WordPattern::kCl100k:
      return NextCl100k(text, 3);
    case WordPattern::kQwen2:
      return NextCl100k(text, 1);
  }
  return NextGpt2(text);
}

}  // namespace hawser
