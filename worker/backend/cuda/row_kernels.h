// Kernels with a block for each row: norms, softmax and cross-entropy; see
// lane.h for what they do.
#ifndef HAWSER_WORKER_BACKEND_CUDA_ROW_KERNELS_H_
#define HAWSER_WORKER_BACKEND_CUDA_ROW_KERNELS_H_

#include "worker/backend/cuda/view.h"

namespace hawser::cuda {

// See Norm of lane.h. centred: layer norm, else RMS norm.
struct NormWeights {
  bool centred = true;
  float epsilon = 0;
  const float* weight = nullptr;
  const float* bias = nullptr;
  // For the emulation.
  template <typename Use>
  void ForEachPointer(Use use) {
    use(weight);
    use(bias);
  }
};

// y: float or Bfloat. statistics [rows, 2]: mean and scale.
template <typename T>
cudaError_t NormForward(const NormWeights& norm, View<const float> x, View<T> y,
                        float* statistics, cudaStream_t stream);

// dx alone; see SumNormGradients of sum_kernels.h for the rest.
cudaError_t NormBackward(const NormWeights& norm, View<const float> x,
                         const float* statistics, View<const float> dy,
                         View<const float> residual, View<float> dx,
                         cudaStream_t stream);

cudaError_t CrossEntropyForward(const int32_t* labels, View<const float> logits,
                                float* losses, cudaStream_t stream);
// dlogits: float or Bfloat.
template <typename T>
cudaError_t CrossEntropyBackward(const int32_t* labels,
                                 View<const float> logits, float scale,
                                 float* losses, View<T> dlogits,
                                 cudaStream_t stream);

}  // namespace hawser::cuda

#endif  // HAWSER_WORKER_BACKEND_CUDA_ROW_KERNELS_H_
