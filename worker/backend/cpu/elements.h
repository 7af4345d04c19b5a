// Elements as the kernels read and write them, and sums whose bits do not
// depend on the width of the CPU's vectors. Loops over them say "ivdep": what
// is written is what was read at the same place, or elsewhere.
#ifndef HAWSER_WORKER_BACKEND_CPU_ELEMENTS_H_
#define HAWSER_WORKER_BACKEND_CPU_ELEMENTS_H_

#include <bit>
#include <cstdint>
#include <cstring>

#include "common/simd.h"
#include "worker/backend/matrix.h"

namespace hawser {

HAWSER_INLINE float Load(const float& x) { return x; }
HAWSER_INLINE float Load(const Bfloat16& x) {
  return std::bit_cast<float>(static_cast<uint32_t>(x.bits) << 16);
}

HAWSER_INLINE void Store(float value, float* x) { *x = value; }
// To nearest, ties to even.
HAWSER_INLINE void Store(float value, Bfloat16* x) {
  const auto bits = std::bit_cast<uint32_t>(value);
  x->bits = static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// Sums of 16 interleaved parts, added pairwise at the end.
struct LaneSums {
  static constexpr int64_t kLanes = 16;
  float lanes[kLanes] = {};

  HAWSER_INLINE float Total() const {
    float half[kLanes];
    for (int64_t l = 0; l < kLanes; ++l) half[l] = lanes[l];
    for (int64_t n = kLanes / 2; n > 0; n /= 2) {
      for (int64_t l = 0; l < n; ++l) half[l] += half[l + n];
    }
    return half[0];
  }
};

// The sum of term(i) for i in [0, n).
template <typename Term>
HAWSER_INLINE float SumOver(int64_t n, Term term) {
  LaneSums sums;
  int64_t i = 0;
  for (; i + LaneSums::kLanes <= n; i += LaneSums::kLanes) {
    for (int64_t l = 0; l < LaneSums::kLanes; ++l) sums.lanes[l] += term(i + l);
  }
  for (int64_t l = 0; i + l < n; ++l) sums.lanes[l] += term(i + l);
  return sums.Total();
}

// The largest of x[i] for i in [0, n), n > 0. By vectors as such: GCC makes
// none of comparisons that must mind NaN.
HAWSER_INLINE float LargestOf(int64_t n, const float* x) {
  using Lanes = float __attribute__((vector_size(4 * LaneSums::kLanes)));
  float largest = x[0];
  int64_t i = 0;
  if (n >= LaneSums::kLanes) {
    Lanes most;
    std::memcpy(&most, x, sizeof(most));
    for (i = LaneSums::kLanes; i + LaneSums::kLanes <= n;
         i += LaneSums::kLanes) {
      Lanes values;
      std::memcpy(&values, x + i, sizeof(values));
      most = values > most ? values : most;
    }
    for (int64_t l = 0; l < LaneSums::kLanes; ++l) {
      largest = most[l] > largest ? most[l] : largest;
    }
  }
  for (; i < n; ++i) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CPU_ELEMENTS_H_
