#include "common/tokenizer/byte_alphabet.h"

#include <array>

#include "common/tokenizer/utf8.h"

namespace hawser {
namespace {

constexpr char32_t kCharacters = 0x100 + 68;  // one past the last in use

struct Alphabet {
  std::array<char32_t, 256> characters{};
  std::array<int, kCharacters> bytes{};  // -1: none

  constexpr Alphabet() {
    for (int& byte : bytes) byte = -1;
    char32_t next = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= '!' && byte <= '~') ||
                             (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
      const char32_t character =
          printable ? static_cast<char32_t>(byte) : next++;
      characters[static_cast<size_t>(byte)] = character;
      bytes[character] = byte;
    }
  }
};
constexpr Alphabet kAlphabet;

}  // namespace

char32_t CharacterOfByte(uint8_t byte) { return kAlphabet.characters[byte]; }

std::string WriteBytes(absl::string_view bytes) {
  std::string written;
  for (const char byte : bytes) {
    AppendUtf8(CharacterOfByte(static_cast<uint8_t>(byte)), &written);
  }
  return written;
}

std::optional<std::string> ReadBytes(absl::string_view written) {
  std::string bytes;
  while (!written.empty()) {
    char32_t character = 0;
    const size_t size = DecodeUtf8(written, &character);
    if (size == 0 || character >= kCharacters ||
        kAlphabet.bytes[character] < 0) {
      return std::nullopt;
    }
    bytes.push_back(static_cast<char>(kAlphabet.bytes[character]));
    written.remove_prefix(size);
  }
  return bytes;
}

}  // namespace hawser
