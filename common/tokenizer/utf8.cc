#include "common/tokenizer/utf8.h"

#include <cstring>

namespace hawser {
namespace {

// What the first byte of a character says: how many bytes there are, and which
// second bytes there may be (RFC 3629, section 4). 0: no first byte.
struct Lead {
  size_t bytes;
  uint8_t lowest;
  uint8_t highest;
};

Lead LeadOf(uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte < 0xF0) {
    return {3, static_cast<uint8_t>(byte == 0xE0 ? 0xA0 : 0x80),
            static_cast<uint8_t>(byte == 0xED ? 0x9F : 0xBF)};
  }
  if (byte < 0xF5) {
    return {4, static_cast<uint8_t>(byte == 0xF0 ? 0x90 : 0x80),
            static_cast<uint8_t>(byte == 0xF4 ? 0x8F : 0xBF)};
  }
  return {0, 0, 0};
}

// How many of the lead's bytes are there and right.
size_t RightBytes(const Lead& lead, absl::string_view text) {
  size_t right = 1;
  while (right < lead.bytes && right < text.size()) {
    const auto byte = static_cast<uint8_t>(text[right]);
    const uint8_t lowest = right == 1 ? lead.lowest : 0x80;
    const uint8_t highest = right == 1 ? lead.highest : 0xBF;
    if (byte < lowest || byte > highest) break;
    ++right;
  }
  return right;
}

}  // namespace

size_t DecodeUtf8(absl::string_view text, char32_t* character) {
  if (text.empty()) return 0;
  const auto first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) {
    *character = first;
    return 1;
  }
  const Lead lead = LeadOf(first);
  if (lead.bytes == 0 || RightBytes(lead, text) != lead.bytes) return 0;
  char32_t value = first & (0x7Fu >> lead.bytes);
  for (size_t i = 1; i < lead.bytes; ++i) {
    value = value << 6 | (static_cast<uint8_t>(text[i]) & 0x3Fu);
  }
  *character = value;
  return lead.bytes;
}

void AppendUtf8(char32_t character, std::string* text) {
  const auto tail = [&](int shift) {
    text->push_back(static_cast<char>(0x80 | ((character >> shift) & 0x3F)));
  };
  if (character < 0x80) {
    text->push_back(static_cast<char>(character));
  } else if (character < 0x800) {
    text->push_back(static_cast<char>(0xC0 | character >> 6));
    tail(0);
  } else if (character < 0x10000) {
    text->push_back(static_cast<char>(0xE0 | character >> 12));
    tail(6);
    tail(0);
  } else {
    text->push_back(static_cast<char>(0xF0 | character >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

size_t ValidUtf8Prefix(absl::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    uint64_t eight;
    if (text.size() - at >= sizeof(eight)) {
      std::memcpy(&eight, text.data() + at, sizeof(eight));
      if ((eight & 0x8080808080808080u) == 0) {
        at += sizeof(eight);
        continue;
      }
    }
    char32_t character;
    const size_t bytes = DecodeUtf8(text.substr(at), &character);
    if (bytes == 0) break;
    at += bytes;
  }
  return at;
}

bool IsUnfinishedUtf8(absl::string_view rest) {
  if (rest.empty() || rest.size() > 3) return false;
  const Lead lead = LeadOf(static_cast<uint8_t>(rest[0]));
  return lead.bytes > rest.size() && RightBytes(lead, rest) == rest.size();
}

}  // namespace hawser
