#include "worker/backend/activation.h"

#include <algorithm>

#include "common/simd.h"
#include "worker/backend/exponential.h"

namespace hawser {
namespace {

// GELU's tanh approximation (Hendrycks and Gimpel, 2016), as GPT-2 has it.
constexpr float kGeluScale = 0.7978845608028654f;  // sqrt(2 / pi)
constexpr float kGeluCubic = 0.044715f;

HAWSER_SIMD
void Relu(const float* __restrict bias, int64_t rows, int64_t columns, float* x,
          float* out) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      const float v = x[r * columns + c] + bias[c];
      x[r * columns + c] = v;
      out[r * columns + c] = v > 0 ? v : 0;
    }
  }
}

HAWSER_SIMD
void Gelu(const float* __restrict bias, int64_t rows, int64_t columns, float* x,
          float* out) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      const float v = x[r * columns + c] + bias[c];
      x[r * columns + c] = v;
      const float t = FastTanh(kGeluScale * (v + kGeluCubic * v * v * v));
      out[r * columns + c] = 0.5f * v * (1.0f + t);
    }
  }
}

HAWSER_SIMD
void Tanh(const float* __restrict bias, int64_t rows, int64_t columns, float* x,
          float* out) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      const float v = x[r * columns + c] + bias[c];
      x[r * columns + c] = v;
      out[r * columns + c] = FastTanh(v);
    }
  }
}

HAWSER_SIMD
void ReluDerivative(const float* __restrict x, int64_t n,
                    float* __restrict gradient) {
  for (int64_t i = 0; i < n; ++i) gradient[i] = x[i] > 0 ? gradient[i] : 0;
}

HAWSER_SIMD
void GeluDerivative(const float* __restrict x, int64_t n,
                    float* __restrict gradient) {
  for (int64_t i = 0; i < n; ++i) {
    const float v = x[i];
    const float t = FastTanh(kGeluScale * (v + kGeluCubic * v * v * v));
    const float inner = kGeluScale * (1.0f + 3.0f * kGeluCubic * v * v);
    gradient[i] *= 0.5f * (1.0f + t) + 0.5f * v * (1.0f - t * t) * inner;
  }
}

HAWSER_SIMD
void TanhDerivative(const float* __restrict x, int64_t n,
                    float* __restrict gradient) {
  for (int64_t i = 0; i < n; ++i) {
    const float t = FastTanh(x[i]);
    gradient[i] *= 1.0f - t * t;
  }
}

}  // namespace

void AddBiasAndActivate(Activation activation, const float* bias, int64_t rows,
                        int64_t columns, float* x, float* out) {
  switch (activation) {
    case GELU:
      return Gelu(bias, rows, columns, x, out);
    case TANH:
      return Tanh(bias, rows, columns, x, out);
    default:
      return Relu(bias, rows, columns, x, out);
  }
}

void MultiplyByDerivative(Activation activation, const float* x, int64_t n,
                          float* gradient) {
  switch (activation) {
    case GELU:
      return GeluDerivative(x, n, gradient);
    case TANH:
      return TanhDerivative(x, n, gradient);
    default:
      return ReluDerivative(x, n, gradient);
  }
}

HAWSER_SIMD
void AddBias(const float* __restrict bias, int64_t rows, int64_t columns,
             float* __restrict x) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) x[r * columns + c] += bias[c];
  }
}

HAWSER_SIMD
void SumRows(const float* __restrict x, int64_t rows, int64_t columns,
             float* __restrict sums) {
  for (int64_t c = 0; c < columns; ++c) sums[c] = 0;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) sums[c] += x[r * columns + c];
  }
}

}  // namespace hawser
