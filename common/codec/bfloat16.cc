// "bf16": the upper half of each float32, rounded to nearest, ties to even.
// NaN stays NaN, infinity stays, the range is float32's.
#include <bit>

#include "common/codec/sixteen_bits.h"
#include "common/codec/unaligned.h"
#include "common/simd.h"

namespace hawser {
namespace {

HAWSER_SIMD
void NarrowToBfloat16(const float* __restrict values, int64_t n,
                      char* __restrict narrow) {
  UnalignedUint16* __restrict to = reinterpret_cast<UnalignedUint16*>(narrow);
  for (int64_t i = 0; i < n; ++i) {
    const auto bits = std::bit_cast<uint32_t>(values[i]);
    const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    const uint32_t quiet = (bits >> 16) | 0x40;
    const bool is_nan = (bits & 0x7fffffff) > 0x7f800000;
    to[i] = static_cast<uint16_t>(is_nan ? quiet : rounded);
  }
}

HAWSER_SIMD
void WidenBfloat16(const char* __restrict narrow, int64_t n,
                   float* __restrict values) {
  const UnalignedUint16* __restrict from =
      reinterpret_cast<const UnalignedUint16*>(narrow);
  for (int64_t i = 0; i < n; ++i) {
    values[i] = std::bit_cast<float>(static_cast<uint32_t>(from[i]) << 16);
  }
}

}  // namespace

extern const CodecKind kBfloat16Codec = {
    "bf16", CodecId{1},
    [](const CodecOptions&) -> absl::StatusOr<std::unique_ptr<Codec>> {
      return std::make_unique<SixteenBitsCodec>(NarrowToBfloat16,
                                                WidenBfloat16);
    }};

}  // namespace hawser
