// Kernels with a thread for each element; see lane.h for what they do.
#ifndef HAWSER_WORKER_BACKEND_CUDA_ELEMENT_KERNELS_H_
#define HAWSER_WORKER_BACKEND_CUDA_ELEMENT_KERNELS_H_

#include "worker/backend/cuda/dropout.h"
#include "worker/backend/cuda/view.h"

namespace hawser::cuda {

// T, From, To: float or Bfloat.
template <typename From, typename To>
cudaError_t Convert(View<const From> x, View<To> y, cudaStream_t stream);

template <typename T>
cudaError_t Fill(float value, View<T> x, cudaStream_t stream);

// Every row of x becomes the bias, or (add) has it added.
template <typename T>
cudaError_t SetToBias(const float* bias, bool add, View<T> x,
                      cudaStream_t stream);

// y [rows, n]; gated: SWIGLU, x [rows, 2 n], else GELU. x becomes the slopes.
template <typename T>
cudaError_t FeedForwardForward(bool gated, View<T> x, View<T> y,
                               cudaStream_t stream);
template <typename T>
cudaError_t FeedForwardBackward(View<const float> dy, View<T> x,
                                cudaStream_t stream);

cudaError_t AddDropped(const Drops& drops, View<const float> x,
                       View<const float> z, View<float> y, cudaStream_t stream);
template <typename T>
cudaError_t Drop(const Drops& drops, View<const float> dy, View<T> dz,
                 cudaStream_t stream);

// cosines, sines: [context, head_width / 2]. sign: -1 turns the other way.
template <typename T>
cudaError_t Rotate(int64_t head_width, const float* cosines, const float* sines,
                   int64_t context, int64_t first_position, float sign,
                   View<T> x, cudaStream_t stream);

// positions: without rows: none.
cudaError_t EmbedForward(const int32_t* tokens, View<const float> weight,
                         View<const float> positions, int64_t first_position,
                         View<float> x, cudaStream_t stream);
cudaError_t PositionsBackward(View<const float> dx, int64_t context,
                              int64_t first, View<float> dpositions,
                              cudaStream_t stream);

}  // namespace hawser::cuda

#endif  // HAWSER_WORKER_BACKEND_CUDA_ELEMENT_KERNELS_H_
