// The characters by which byte-level BPE writes bytes in its files: printable
// ones of Latin-1 stand for themselves, the others, in order, for U+0100 on
// (bytes_to_unicode of GPT-2's encoder.py).
#ifndef HAWSER_COMMON_TOKENIZER_BYTE_ALPHABET_H_
#define HAWSER_COMMON_TOKENIZER_BYTE_ALPHABET_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace hawser {

char32_t CharacterOfByte(uint8_t byte);

// "Ġthe" for " the".
std::string WriteBytes(absl::string_view bytes);

// " the" for "Ġthe"; nothing: some character stands for no byte.
std::optional<std::string> ReadBytes(absl::string_view written);

}  // namespace hawser

#endif  // HAWSER_COMMON_TOKENIZER_BYTE_ALPHABET_H_
