// Kernels of multi-layer perceptrons; see dense.h for what they do. Vectors and
// matrices without gaps.
#ifndef HAWSER_WORKER_BACKEND_CUDA_DENSE_KERNELS_H_
#define HAWSER_WORKER_BACKEND_CUDA_DENSE_KERNELS_H_

#include "worker/backend/cuda/dropout.h"
#include "worker/backend/cuda/view.h"

namespace hawser::cuda {

enum class Activated { kRelu, kGelu, kTanh };

// x[r, c] += bias[c], out = activation(x).
cudaError_t Activate(Activated activation, const float* bias, View<float> x,
                     View<float> out, cudaStream_t stream);
// gradient *= activation'(x).
cudaError_t MultiplyBySlope(Activated activation, int64_t n, const float* x,
                            float* gradient, cudaStream_t stream);
cudaError_t FillMask(const Drops& drops, int64_t n, float* mask,
                     cudaStream_t stream);
cudaError_t MultiplyInto(const float* factor, int64_t n, float* x,
                         cudaStream_t stream);

// Of a row of logits.
struct RowLoss {
  double loss;
  int64_t is_correct;
};

// losses: [rows]. With a gradient, logits become it; see
// softmax_cross_entropy.h.
cudaError_t SoftmaxLosses(const int32_t* labels, View<float> logits,
                          bool with_gradient, float smoothing, float scale,
                          RowLoss* losses, cudaStream_t stream);

}  // namespace hawser::cuda

#endif  // HAWSER_WORKER_BACKEND_CUDA_DENSE_KERNELS_H_
