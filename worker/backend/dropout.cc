#include "worker/backend/dropout.h"

#include <cstddef>

#include "common/simd.h"

namespace hawser {

void FillDropoutMask(const CounterRandom& random, float rate, int64_t n,
                     float* mask) {
  const float kept = 1.0f / (1.0f - rate);
  for (int64_t i = 0; i < n; i += 4) {
    const auto words = random.Words(static_cast<uint64_t>(i / 4));
    for (int64_t j = 0; j < 4 && i + j < n; ++j) {
      const float uniform =
          static_cast<float>(words[static_cast<size_t>(j)] >> 8) * 0x1.0p-24f;
      mask[i + j] = uniform < rate ? 0.0f : kept;
    }
  }
}

HAWSER_SIMD
void MultiplyInto(const float* __restrict factor, int64_t n,
                  float* __restrict x) {
  for (int64_t i = 0; i < n; ++i) x[i] *= factor[i];
}

}  // namespace hawser
