// Activations of one number and their slopes, on the device.
#ifndef HAWSER_WORKER_BACKEND_CUDA_UNARY_H_
#define HAWSER_WORKER_BACKEND_CUDA_UNARY_H_

#include <cuda_runtime.h>

#include <cmath>

namespace hawser::cuda {

struct ValueAndSlope {
  float value, slope;
};

// The tanh approximation (Hendrycks and Gimpel, 2016), as GPT-2 has it.
__device__ inline ValueAndSlope Gelu(float x) {
  constexpr float kScale = 0.7978845608028654f;  // sqrt(2 / pi)
  constexpr float kCubic = 0.044715f;
  const float t = tanhf(kScale * (x + kCubic * x * x * x));
  const float inner = kScale * (1.0f + 3.0f * kCubic * x * x);
  return {0.5f * x * (1.0f + t),
          0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * inner};
}

__device__ inline ValueAndSlope Silu(float x) {
  // Below, expf(-x) would be infinite, and sigmoid is 0 to float32.
  const float sigmoid = x < -87.0f ? 0.0f : 1.0f / (1.0f + expf(-x));
  return {x * sigmoid, sigmoid + x * sigmoid * (1.0f - sigmoid)};
}

__device__ inline ValueAndSlope Tanh(float x) {
  const float t = tanhf(x);
  return {t, 1.0f - t * t};
}

__device__ inline ValueAndSlope Relu(float x) {
  return x > 0 ? ValueAndSlope{x, 1} : ValueAndSlope{0, 0};
}

}  // namespace hawser::cuda

#endif  // HAWSER_WORKER_BACKEND_CUDA_UNARY_H_
