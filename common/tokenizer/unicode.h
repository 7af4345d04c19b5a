// The properties of characters that tokenizers cut words by: \p{L}, \p{N} and
// \s of Unicode 16.0.0.
#ifndef HAWSER_COMMON_TOKENIZER_UNICODE_H_
#define HAWSER_COMMON_TOKENIZER_UNICODE_H_

#include <cstdint>

namespace hawser {

enum class CharacterKind : uint8_t { kOther, kLetter, kNumber, kSpace };

CharacterKind KindOf(char32_t character);

}  // namespace hawser

#endif  // HAWSER_COMMON_TOKENIZER_UNICODE_H_
