// Vectors and cuts that the tests of codecs share.
#ifndef HAWSER_COMMON_CODEC_CODEC_CASES_H_
#define HAWSER_COMMON_CODEC_CODEC_CASES_H_

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "common/codec/codec.h"
#include "common/wire/frame.h"

namespace hawser {

// n values of the widest range: magnitudes from 2^-140 to 2^120, or `narrow`:
// normally distributed.
inline std::vector<float> RandomFloats(int64_t n, uint32_t seed, bool narrow) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::uniform_int_distribution<int> exponent(-140, 120);
  std::vector<float> values;
  for (int64_t i = 0; i < n; ++i) {
    const float value = normal(random);
    values.push_back(narrow ? value : std::ldexp(value, exponent(random)));
  }
  return values;
}

inline uint32_t BitsOf(float value) { return std::bit_cast<uint32_t>(value); }

// Encodes without memory of earlier calls.
inline std::string Encoded(const Codec& codec, const std::vector<float>& values,
                           std::vector<float>* residual = nullptr) {
  const auto n = static_cast<int64_t>(values.size());
  std::vector<float> fresh(values.size(), 0.0f);
  if (residual == nullptr) residual = &fresh;
  std::string bytes(codec.EncodedBytes(n), '\x5a');
  codec.Encode(values.data(), n,
               codec.keeps_residual() ? residual->data() : nullptr,
               bytes.data());
  return bytes;
}

inline std::vector<float> Decoded(const Codec& codec, const std::string& bytes,
                                  int64_t n) {
  const absl::Span<const char> piece(bytes.data(), bytes.size());
  std::vector<float> values(static_cast<size_t>(n), -1.0f);
  codec.DecodeTo({&piece, 1}, n, values.data());
  return values;
}

// The bytes in pieces of random lengths, some of them empty, each in memory of
// its own, so that a reader that goes beyond one is seen.
class RandomPieces {
 public:
  RandomPieces(const std::string& bytes, uint32_t seed, size_t longest) {
    std::mt19937 random(seed);
    for (size_t at = 0; at < bytes.size();) {
      const size_t length =
          std::min<size_t>(bytes.size() - at, random() % (longest + 1));
      memory_.emplace_back(bytes.begin() + static_cast<int64_t>(at),
                           bytes.begin() + static_cast<int64_t>(at + length));
      at += length;
    }
    for (const auto& piece : memory_) {
      pieces_.emplace_back(piece.data(), piece.size());
    }
  }
  PayloadPieces pieces() const { return pieces_; }

 private:
  std::vector<std::vector<char>> memory_;
  std::vector<absl::Span<const char>> pieces_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_CODEC_CODEC_CASES_H_
