// exp and tanh in float32 from additions and multiplications alone, so that
// loops over them vectorise and give the same bits for every vector width.
#ifndef HAWSER_WORKER_BACKEND_EXPONENTIAL_H_
#define HAWSER_WORKER_BACKEND_EXPONENTIAL_H_

#include <bit>
#include <cstdint>

namespace hawser {

// Relative error below 2e-7 for x in [-87, 88]; clamped outside.
__attribute__((always_inline)) inline float FastExp(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  // x = k ln 2 + r with |r| <= ln 2 / 2; adding and subtracting 1.5 * 2^23
  // rounds to the nearest integer.
  constexpr float kRound = 12582912.0f;
  const float shifted = x * 1.44269504088896341f + kRound;
  const float k = shifted - kRound;
  const float r = (x - k * 0.693359375f) - k * -2.12194440e-4f;
  // Minimax polynomial of Cephes (expf).
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const int32_t bits =
      (std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(kRound) + 127)
      << 23;
  return p * std::bit_cast<float>(bits);
}

// Absolute error below 3e-7.
__attribute__((always_inline)) inline float FastTanh(float x) {
  const float e = FastExp(-2.0f * (x < 0 ? -x : x));
  const float y = (1.0f - e) / (1.0f + e);
  return x < 0 ? -y : y;
}

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_EXPONENTIAL_H_
