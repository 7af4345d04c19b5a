// What tests of tokenizers share: the files of tests/golden/tokenizer, the text
// that its scripts make, and encoding in pieces.
#ifndef HAWSER_COMMON_TOKENIZER_GOLDEN_FILES_H_
#define HAWSER_COMMON_TOKENIZER_GOLDEN_FILES_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "common/counter_random.h"
#include "common/files.h"
#include "common/sha256.h"
#include "common/tokenizer/tokenizer.h"
#include "common/tokenizer/utf8.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace hawser {

inline std::string GoldenFile(const std::string& name) {
  auto text = ReadWholeFile("tests/golden/tokenizer/" + name, size_t{1} << 30);
  EXPECT_TRUE(text.ok()) << text.status();
  return text.ok() ? *text : "";
}

inline nlohmann::json GoldenJson(const std::string& name) {
  return nlohmann::json::parse(GoldenFile(name));
}

// As corpus() of tokenizer_golden.py.
inline std::string GoldenCorpus(uint64_t seed, size_t bytes) {
  const nlohmann::json parts = GoldenJson("fragments.json");
  std::string text;
  uint64_t state = seed;
  const auto draw = [&](uint64_t bound) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % bound;
  };
  const auto fragment = [&] {
    return parts[draw(parts.size())].get<std::string>();
  };
  while (text.size() < bytes) {
    const uint64_t kind = draw(16);
    if (kind == 0) {
      const auto code = static_cast<char32_t>(draw(0x110000));
      const bool surrogate = code >= 0xD800 && code < 0xE000;
      AppendUtf8(surrogate ? U'?' : code, &text);
    } else if (kind == 1) {
      AppendUtf8(static_cast<char32_t>(0xA0 + draw(0x3000)), &text);
    } else if (kind < 8) {
      text += " " + fragment();
    } else {
      text += fragment();
    }
  }
  return text;
}

inline std::string HashOf(const std::vector<int32_t>& tokens) {
  Sha256 hash;
  hash.Update(tokens.data(), tokens.size() * sizeof(int32_t));
  return hash.Hex();
}

// Encodes in pieces of random size, up to `most` bytes, or more where there is
// no place to cut; whole characters.
inline std::vector<int32_t> EncodeInPieces(const Tokenizer& tokenizer,
                                           const std::string& text,
                                           uint64_t seed, size_t most) {
  const CounterRandom random(seed, RandomPurpose::kTextStart);
  std::vector<int32_t> tokens;
  size_t at = 0, longer = 0;
  for (uint64_t round = 0; at < text.size(); ++round) {
    const size_t bytes =
        std::min(text.size() - at, longer + 1 + random.Below(round, most));
    absl::string_view piece = absl::string_view(text).substr(at, bytes);
    const bool last = at + bytes == text.size();
    if (!last) piece = piece.substr(0, ValidUtf8Prefix(piece));
    const auto used = tokenizer.EncodeSome(piece, at == 0, last, &tokens);
    EXPECT_TRUE(used.ok()) << used.status();
    if (!used.ok()) break;
    at += *used;
    longer = *used == 0 ? 2 * longer + 1 : 0;
  }
  return tokens;
}

}  // namespace hawser

#endif  // HAWSER_COMMON_TOKENIZER_GOLDEN_FILES_H_
