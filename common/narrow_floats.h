// float32 values of float16 (IEEE 754 binary16) and bfloat16 bit patterns;
// every value of theirs is one of float32.
#ifndef HAWSER_COMMON_NARROW_FLOATS_H_
#define HAWSER_COMMON_NARROW_FLOATS_H_

#include <bit>
#include <cstdint>

namespace hawser {

inline float FloatOfBfloat16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

inline float FloatOfHalf(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  const uint32_t exponent = (bits >> 10) & 31;
  const uint32_t fraction = bits & 0x3ff;
  if (exponent == 0) {  // zero, or fraction * 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
  }
  const uint32_t wide = exponent == 31 ? 255 : exponent + 127 - 15;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

}  // namespace hawser

#endif  // HAWSER_COMMON_NARROW_FLOATS_H_
