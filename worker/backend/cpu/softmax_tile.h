// The softmax of a tile of attention, row by row, as flash attention has it
// (Dao et al., 2022): with the largest score so far and the sum so far.
#ifndef HAWSER_WORKER_BACKEND_CPU_SOFTMAX_TILE_H_
#define HAWSER_WORKER_BACKEND_CPU_SOFTMAX_TILE_H_

#include <cstdint>

#include "worker/backend/matrix.h"

namespace hawser {

// Replaces the first `visible` scores s of a row by exp(scale * s - largest),
// the others by 0. Updates largest and sum to cover these keys, too, and
// returns what sums over earlier keys must be multiplied by. visible > 0.
float SoftmaxTileRow(float scale, int64_t visible, int64_t keys, float* scores,
                     float* largest, float* sum);

// The same on the way back: scores become exp(scale * s - log_sum).
void WeightsTileRow(float scale, float log_sum, int64_t visible, int64_t keys,
                    float* scores);

// dscores = weights * (dweights - delta) * scale; both are [keys]. The result
// replaces dweights.
void ScoreGradientTileRow(float scale, float delta, int64_t keys,
                          const float* weights, float* dweights);

// y[c] = scale * x[c].
void ScaleRow(float scale, int64_t n, const float* x, float* y);
void ScaleRow(float scale, int64_t n, const float* x, Bfloat16* y);

// x[c] *= factors[c].
void MultiplyRow(const float* factors, int64_t n, float* x);

// The sum of x[c] * y[c].
float DotRow(int64_t n, const float* x, const float* y);
float DotRow(int64_t n, const Bfloat16* x, const Bfloat16* y);

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CPU_SOFTMAX_TILE_H_
