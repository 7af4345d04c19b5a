#include "worker/backend/cpu/softmax_tile.h"

#include "common/simd.h"
#include "worker/backend/cpu/elements.h"
#include "worker/backend/exponential.h"

namespace hawser {

namespace {

// So many keys to compute with: what is beyond the visible ones is discarded,
// and costs less than a loop over what is left after the last whole vector.
HAWSER_INLINE int64_t WholeVectors(int64_t visible, int64_t keys) {
  const int64_t whole =
      (visible + LaneSums::kLanes - 1) / LaneSums::kLanes * LaneSums::kLanes;
  return whole < keys ? whole : keys;
}

}  // namespace

HAWSER_SIMD
float SoftmaxTileRow(float scale, int64_t visible, int64_t keys, float* scores,
                     float* largest, float* sum) {
  const int64_t whole = WholeVectors(visible, keys);
  for (int64_t j = visible; j < whole; ++j) scores[j] = scores[0];
  const float here = scale * LargestOf(whole, scores);
  const float before = *largest;
  const float now = here > before ? here : before;
#pragma GCC ivdep
  for (int64_t j = 0; j < whole; ++j) {
    scores[j] = FastExp(scale * scores[j] - now);
  }
  for (int64_t j = visible; j < keys; ++j) scores[j] = 0;
  const float correction = FastExp(before - now);
  *largest = now;
  *sum =
      *sum * correction + SumOver(whole, [&](int64_t j) { return scores[j]; });
  return correction;
}

HAWSER_SIMD
void WeightsTileRow(float scale, float log_sum, int64_t visible, int64_t keys,
                    float* scores) {
  const int64_t whole = WholeVectors(visible, keys);
#pragma GCC ivdep
  for (int64_t j = 0; j < whole; ++j) {
    scores[j] = FastExp(scale * scores[j] - log_sum);
  }
  for (int64_t j = visible; j < keys; ++j) scores[j] = 0;
}

HAWSER_SIMD
void ScoreGradientTileRow(float scale, float delta, int64_t keys,
                          const float* weights, float* dweights) {
#pragma GCC ivdep
  for (int64_t j = 0; j < keys; ++j) {
    dweights[j] = weights[j] * (dweights[j] - delta) * scale;
  }
}

HAWSER_SIMD
void ScaleRow(float scale, int64_t n, const float* x, float* y) {
#pragma GCC ivdep
  for (int64_t c = 0; c < n; ++c) y[c] = scale * x[c];
}

HAWSER_SIMD
void ScaleRow(float scale, int64_t n, const float* x, Bfloat16* y) {
#pragma GCC ivdep
  for (int64_t c = 0; c < n; ++c) Store(scale * x[c], y + c);
}

HAWSER_SIMD
void MultiplyRow(const float* factors, int64_t n, float* x) {
#pragma GCC ivdep
  for (int64_t c = 0; c < n; ++c) x[c] *= factors[c];
}

HAWSER_SIMD
float DotRow(int64_t n, const float* x, const float* y) {
  return SumOver(n, [&](int64_t c) { return x[c] * y[c]; });
}

HAWSER_SIMD
float DotRow(int64_t n, const Bfloat16* x, const Bfloat16* y) {
  return SumOver(n, [&](int64_t c) { return Load(x[c]) * Load(y[c]); });
}

}  // namespace hawser
