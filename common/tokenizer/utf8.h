// UTF-8, strictly (RFC 3629): no overlong forms, no surrogates, nothing beyond
// U+10FFFF.
#ifndef HAWSER_COMMON_TOKENIZER_UTF8_H_
#define HAWSER_COMMON_TOKENIZER_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace hawser {

// Reads the character at the start of `text` and returns its bytes, 1 to 4; 0
// if there is no whole valid one.
size_t DecodeUtf8(absl::string_view text, char32_t* character);

void AppendUtf8(char32_t character, std::string* text);

// Bytes of the longest prefix that is valid.
size_t ValidUtf8Prefix(absl::string_view text);

// Whether these bytes, none of which make a whole character, may still become
// one: 1 to 3 bytes of the start of a character.
bool IsUnfinishedUtf8(absl::string_view rest);

}  // namespace hawser

#endif  // HAWSER_COMMON_TOKENIZER_UTF8_H_
