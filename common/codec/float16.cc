// "fp16": IEEE 754 binary16, rounded to nearest, ties to even, with subnormals.
// NaN stays NaN; from 65520 on a value becomes infinity.
#include <bit>

#include "common/codec/sixteen_bits.h"
#include "common/codec/unaligned.h"
#include "common/simd.h"

namespace hawser {
namespace {

constexpr uint32_t kInfinity = 0x7f800000;
constexpr uint32_t kTooLarge = 0x47800000;        // 2^16
constexpr uint32_t kSmallestNormal = 0x38800000;  // 2^-14
constexpr uint32_t kRebias = 112u << 23;          // 127 - 15

// All three cases are computed and one is taken, so that the loops below have
// no branches.
inline uint16_t Narrow(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7fffffff;
  // The sum with 1/2 has its last bit at 2^-24, where a subnormal has it.
  const uint32_t subnormal =
      std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) -
      0x3f000000;
  const uint32_t normal =
      (magnitude - kRebias + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  const uint32_t special =
      magnitude > kInfinity ? 0x7e00 | ((magnitude >> 13) & 0x3ff) : 0x7c00;
  uint32_t narrow = magnitude < kSmallestNormal ? subnormal : normal;
  narrow = magnitude >= kTooLarge ? special : narrow;
  return static_cast<uint16_t>(narrow | ((bits >> 16) & 0x8000));
}

inline float Widen(uint16_t narrow) {
  const uint32_t magnitude = static_cast<uint32_t>(narrow & 0x7fff) << 13;
  const uint32_t normal = magnitude + kRebias;
  const uint32_t special = normal + kRebias;
  // As if its exponent were 1, less the leading one it does not have.
  const auto subnormal = std::bit_cast<uint32_t>(
      std::bit_cast<float>(magnitude + kSmallestNormal) -
      std::bit_cast<float>(kSmallestNormal));
  uint32_t wide = magnitude < (1u << 23) ? subnormal : normal;
  wide = magnitude >= (31u << 23) ? special : wide;
  return std::bit_cast<float>(wide | static_cast<uint32_t>(narrow & 0x8000)
                                         << 16);
}

HAWSER_SIMD
void NarrowToFloat16(const float* __restrict values, int64_t n,
                     char* __restrict narrow) {
  UnalignedUint16* __restrict to = reinterpret_cast<UnalignedUint16*>(narrow);
  for (int64_t i = 0; i < n; ++i) to[i] = Narrow(values[i]);
}

HAWSER_SIMD
void WidenFloat16(const char* __restrict narrow, int64_t n,
                  float* __restrict values) {
  const UnalignedUint16* __restrict from =
      reinterpret_cast<const UnalignedUint16*>(narrow);
  for (int64_t i = 0; i < n; ++i) values[i] = Widen(from[i]);
}

}  // namespace

extern const CodecKind kFloat16Codec = {
    "fp16", CodecId{2},
    [](const CodecOptions&) -> absl::StatusOr<std::unique_ptr<Codec>> {
      return std::make_unique<SixteenBitsCodec>(NarrowToFloat16, WidenFloat16);
    }};

}  // namespace hawser
