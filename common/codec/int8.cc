// "int8": cells of 256 floats, each a float32 scale and a byte a float.
//
// scale = max(largest magnitude / 127, 2^-126); code = x / scale, rounded to
// nearest, ties to even: the error is at most scale / 2, but for rounding.
//
// A cell with a value that is not finite is marked by the sign of its scale,
// which is then that of its finite values for 126 steps; its codes -128, 127
// and -127 are NaN, infinity and -infinity.
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "common/codec/cells.h"
#include "common/codec/codec.h"
#include "common/simd.h"

namespace hawser {
namespace {

constexpr int64_t kCell = 256;  // floats
constexpr size_t kCellBytes = sizeof(float) + kCell;
constexpr uint32_t kInfinity = 0x7f800000;
constexpr float kSmallestScale = 0x1p-126f;
// Adding it leaves the nearest whole number in the last bits.
constexpr float kRounder = 0x1.8p23f;

inline int64_t Cells(int64_t n) { return (n + kCell - 1) / kCell; }

// The largest magnitude, as bits: above infinity's there is a NaN.
HAWSER_SIMD
uint32_t LargestBits(const float* values, int64_t n) {
  uint32_t largest = 0;
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(values[i]) & 0x7fffffff;
    largest = bits > largest ? bits : largest;
  }
  return largest;
}

HAWSER_SIMD
void Quantize(const float* __restrict values, int64_t n, float scale,
              char* __restrict codes) {
  for (int64_t i = 0; i < n; ++i) {
    const float code = values[i] / scale + kRounder;
    codes[i] = static_cast<char>(std::bit_cast<uint32_t>(code));
  }
}

void QuantizeMarked(const float* values, int64_t n, float scale, char* codes) {
  for (int64_t i = 0; i < n; ++i) {
    const auto bits = std::bit_cast<uint32_t>(values[i]);
    const uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude < kInfinity) {
      Quantize(values + i, 1, scale, codes + i);
    } else {
      const int code = magnitude > kInfinity ? -128 : bits >> 31 ? -127 : 127;
      codes[i] = static_cast<char>(code);
    }
  }
}

void EncodeCell(const float* values, int64_t n, char* cell) {
  const uint32_t largest = LargestBits(values, n);
  float scale;
  if (largest < kInfinity) {
    scale = std::max(std::bit_cast<float>(largest) / 127, kSmallestScale);
    Quantize(values, n, scale, cell + sizeof(float));
  } else {
    uint32_t largest_finite = 0;
    for (int64_t i = 0; i < n; ++i) {
      const uint32_t bits = std::bit_cast<uint32_t>(values[i]) & 0x7fffffff;
      if (bits < kInfinity) largest_finite = std::max(largest_finite, bits);
    }
    scale =
        std::max(std::bit_cast<float>(largest_finite) / 126, kSmallestScale);
    QuantizeMarked(values, n, scale, cell + sizeof(float));
    scale = -scale;
  }
  std::memcpy(cell, &scale, sizeof(scale));
}

HAWSER_SIMD
void Widen(const char* __restrict codes, int64_t n, float scale,
           float* __restrict values) {
  for (int64_t i = 0; i < n; ++i) {
    values[i] = static_cast<float>(static_cast<signed char>(codes[i])) * scale;
  }
}

void DecodeCell(const char* cell, int64_t n, float* values) {
  float scale;
  std::memcpy(&scale, cell, sizeof(scale));
  const char* codes = cell + sizeof(float);
  const bool is_marked = (std::bit_cast<uint32_t>(scale) >> 31) != 0;
  Widen(codes, n, is_marked ? -scale : scale, values);
  if (!is_marked) return;
  constexpr float kInfinite = std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < n; ++i) {
    const auto code = static_cast<signed char>(codes[i]);
    if (code == -128) values[i] = std::numeric_limits<float>::quiet_NaN();
    if (code == 127) values[i] = kInfinite;
    if (code == -127) values[i] = -kInfinite;
  }
}

class Int8Codec : public Codec {
 public:
  size_t EncodedBytes(int64_t n) const override {
    return static_cast<size_t>(Cells(n)) * sizeof(float) +
           static_cast<size_t>(n);
  }

  void Encode(const float* values, int64_t n, float*,
              char* encoded) const override {
    for (int64_t i = 0; i < n; i += kCell) {
      EncodeCell(values + i, std::min(kCell, n - i), encoded);
      encoded += kCellBytes;
    }
  }

  void Decode(PayloadPieces pieces, int64_t, Use use) const override {
    static_assert(kMaxRun % kCell == 0);
    alignas(64) float run[kMaxRun];
    ForEachCellRun<kCellBytes>(
        pieces, [&](size_t position, const char* bytes, size_t count) {
          auto first = static_cast<int64_t>(position / kCellBytes) * kCell;
          int64_t filled = 0;
          for (size_t at = 0; at < count; at += kCellBytes) {
            const auto n = static_cast<int64_t>(
                std::min(kCellBytes, count - at) - sizeof(float));
            DecodeCell(bytes + at, n, run + filled);
            filled += n;
            if (filled + kCell <= kMaxRun) continue;
            use(first, run, filled);
            first += filled;
            filled = 0;
          }
          if (filled != 0) use(first, run, filled);
        });
  }
};

}  // namespace

extern const CodecKind kInt8Codec = {
    "int8", CodecId{3},
    [](const CodecOptions&) -> absl::StatusOr<std::unique_ptr<Codec>> {
      return std::make_unique<Int8Codec>();
    }};

}  // namespace hawser
