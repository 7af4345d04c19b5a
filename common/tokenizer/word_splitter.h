// Cuts text into the words that BPE stays within, as the regular expressions of
// well-known tokenizers do, over Unicode, without an engine for them. Each
// consumes all of a text:
//
//   GPT_2    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|
//            \s+(?!\S)|\s+
//   CL100K   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|
//            ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+   (Llama 3)
//   QWEN_2   CL100K with \p{N} for \p{N}{1,3}
//
// Pure functions.
#ifndef HAWSER_COMMON_TOKENIZER_WORD_SPLITTER_H_
#define HAWSER_COMMON_TOKENIZER_WORD_SPLITTER_H_

#include <cstddef>
#include <optional>

#include "absl/strings/string_view.h"

namespace hawser {

enum class WordPattern { kGpt2, kCl100k, kQwen2 };

// The pattern that a regular expression is; nothing: none of them.
std::optional<WordPattern> PatternOf(absl::string_view regular_expression);

// Bytes of the word at the start of `text`, which is UTF-8 and not empty. If
// the word after it ends before the text does, no text that follows changes it.
size_t NextWord(WordPattern pattern, absl::string_view text);

}  // namespace hawser

#endif  // HAWSER_COMMON_TOKENIZER_WORD_SPLITTER_H_
