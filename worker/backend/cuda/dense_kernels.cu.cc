#include "worker/backend/cuda/dense_kernels.h"

#include <cmath>

#include "worker/backend/cuda/launch.h"
#include "worker/backend/cuda/reduce.h"
#include "worker/backend/cuda/unary.h"

namespace hawser::cuda {
namespace {

__device__ ValueAndSlope Apply(Activated activation, float x) {
  return activation == Activated::kGelu   ? Gelu(x)
         : activation == Activated::kTanh ? Tanh(x)
                                          : Relu(x);
}

__device__ int64_t Index() {
  return int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
}

__global__ void ActivateKernel(Activated activation, const float* bias,
                               View<float> x, View<float> out) {
  const int64_t r = ElementRow(x.columns), c = ElementColumn(x.columns);
  if (c >= x.columns) return;
  const float value = x.Get(r, c) + bias[c];
  x.Set(r, c, value);
  out.Set(r, c, Apply(activation, value).value);
}

__global__ void SlopeKernel(Activated activation, int64_t n, const float* x,
                            float* gradient) {
  const int64_t i = Index();
  if (i < n) gradient[i] *= Apply(activation, x[i]).slope;
}

__global__ void MaskKernel(Drops drops, int64_t n, float* mask) {
  const int64_t i = Index();
  if (i < n) mask[i] = drops.Factor(i);
}

__global__ void MultiplyKernel(const float* factor, int64_t n, float* x) {
  const int64_t i = Index();
  if (i < n) x[i] *= factor[i];
}

struct Smallest {
  static __device__ float Of(float a, float b) { return a < b ? a : b; }
};

// Block r: row r. The gradient is written when all threads have read what they
// need of the row.
__global__ void SoftmaxKernel(const int32_t* labels, View<float> logits,
                              bool with_gradient, float smoothing, float scale,
                              RowLoss* losses) {
  float* shared = SharedMemory();
  const int64_t r = blockIdx.x;
  const auto n = static_cast<float>(logits.columns);
  const int32_t label = labels[r];
  const float label_logit = logits.Get(r, label);
  float largest = -INFINITY;
  for (int64_t c = threadIdx.x; c < logits.columns; c += blockDim.x) {
    largest = Largest::Of(largest, logits.Get(r, c));
  }
  largest = OverBlock<Largest>(largest, shared);
  // The first of the largest. Numbers of classes are exact in float32 up to
  // 2^24.
  float best = n, sum = 0;
  for (int64_t c = threadIdx.x; c < logits.columns; c += blockDim.x) {
    const float logit = logits.Get(r, c);
    if (logit == largest) best = Smallest::Of(best, static_cast<float>(c));
    sum += expf(logit - largest);
  }
  best = OverBlock<Smallest>(best, shared);
  sum = OverBlock<Sum>(sum, shared);
  __syncthreads();
  if (threadIdx.x == 0) {
    losses[r] = {log(static_cast<double>(sum)) + largest - label_logit,
                 best == static_cast<float>(label) ? 1 : 0};
  }
  if (!with_gradient) return;
  const float factor = scale / sum, spread = scale * smoothing / n;
  for (int64_t c = threadIdx.x; c < logits.columns; c += blockDim.x) {
    const float share = expf(logits.Get(r, c) - largest) * factor - spread;
    logits.Set(r, c, c == label ? share - scale * (1 - smoothing) : share);
  }
}

}  // namespace

cudaError_t Activate(Activated activation, const float* bias, View<float> x,
                     View<float> out, cudaStream_t stream) {
  const ElementGrid grid(x.rows, x.columns);
  return Launch(&ActivateKernel, grid.grid, grid.block, 0, stream, activation,
                bias, x, out);
}

cudaError_t MultiplyBySlope(Activated activation, int64_t n, const float* x,
                            float* gradient, cudaStream_t stream) {
  return Launch(&SlopeKernel, dim3(Blocks(n, kBlock)), dim3(kBlock), 0, stream,
                activation, n, x, gradient);
}

cudaError_t FillMask(const Drops& drops, int64_t n, float* mask,
                     cudaStream_t stream) {
  return Launch(&MaskKernel, dim3(Blocks(n, kBlock)), dim3(kBlock), 0, stream,
                drops, n, mask);
}

cudaError_t MultiplyInto(const float* factor, int64_t n, float* x,
                         cudaStream_t stream) {
  return Launch(&MultiplyKernel, dim3(Blocks(n, kBlock)), dim3(kBlock), 0,
                stream, factor, n, x);
}

cudaError_t SoftmaxLosses(const int32_t* labels, View<float> logits,
                          bool with_gradient, float smoothing, float scale,
                          RowLoss* losses, cudaStream_t stream) {
  return Launch(&SoftmaxKernel, dim3(static_cast<unsigned>(logits.rows)),
                dim3(ThreadsFor(logits.columns)),
                kReduceFloats * int64_t{sizeof(float)}, stream, labels, logits,
                with_gradient, smoothing, scale, losses);
}

}  // namespace hawser::cuda
