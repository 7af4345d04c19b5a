#include "worker/backend/cuda/row_kernels.h"

#include <cmath>

#include "worker/backend/cuda/launch.h"
#include "worker/backend/cuda/reduce.h"

namespace hawser::cuda {
namespace {

constexpr int64_t kSharedBytes = kReduceFloats * int64_t{sizeof(float)};

template <typename T>
__global__ void NormForwardKernel(NormWeights norm, View<const float> x,
                                  View<T> y, float* statistics) {
  float* shared = SharedMemory();
  const int64_t r = blockIdx.x;
  const float* row = x.Row(r);
  const auto count = static_cast<float>(x.columns);
  float mean = 0;
  if (norm.centred) {
    float sum = 0;
    for (int64_t c = threadIdx.x; c < x.columns; c += blockDim.x) sum += row[c];
    mean = OverBlock<Sum>(sum, shared) / count;
  }
  float square = 0;
  for (int64_t c = threadIdx.x; c < x.columns; c += blockDim.x) {
    square += (row[c] - mean) * (row[c] - mean);
  }
  square = OverBlock<Sum>(square, shared) / count;
  const float scale = 1.0f / sqrtf(square + norm.epsilon);
  if (threadIdx.x == 0) {
    statistics[2 * r] = mean;
    statistics[2 * r + 1] = scale;
  }
  for (int64_t c = threadIdx.x; c < x.columns; c += blockDim.x) {
    const float bias = norm.bias == nullptr ? 0 : norm.bias[c];
    y.Set(r, c, (row[c] - mean) * scale * norm.weight[c] + bias);
  }
}

__global__ void NormBackwardKernel(NormWeights norm, View<const float> x,
                                   const float* statistics,
                                   View<const float> dy,
                                   View<const float> residual, View<float> dx) {
  float* shared = SharedMemory();
  const int64_t r = blockIdx.x;
  const float mean = statistics[2 * r], scale = statistics[2 * r + 1];
  const auto count = static_cast<float>(x.columns);
  float sum = 0, product = 0;
  for (int64_t c = threadIdx.x; c < x.columns; c += blockDim.x) {
    const float derivative = dy.Get(r, c) * norm.weight[c];
    sum += derivative;
    product += derivative * ((x.Get(r, c) - mean) * scale);
  }
  const float mean_dy =
      norm.centred ? OverBlock<Sum>(sum, shared) / count : 0.0f;
  const float mean_product = OverBlock<Sum>(product, shared) / count;
  for (int64_t c = threadIdx.x; c < x.columns; c += blockDim.x) {
    const float normal = (x.Get(r, c) - mean) * scale;
    dx.Set(r, c,
           residual.Get(r, c) + scale * (dy.Get(r, c) * norm.weight[c] -
                                         mean_dy - normal * mean_product));
  }
}

// Of a row of logits; every thread gets it.
struct Softmax {
  float largest, sum;
};
__device__ Softmax SoftmaxOf(const float* row, int64_t n, float* shared) {
  float largest = -INFINITY;
  for (int64_t c = threadIdx.x; c < n; c += blockDim.x) {
    largest = Largest::Of(largest, row[c]);
  }
  largest = OverBlock<Largest>(largest, shared);
  float sum = 0;
  for (int64_t c = threadIdx.x; c < n; c += blockDim.x) {
    sum += expf(row[c] - largest);
  }
  return {largest, OverBlock<Sum>(sum, shared)};
}

__global__ void LossesKernel(const int32_t* labels, View<const float> logits,
                             float* losses) {
  const int64_t r = blockIdx.x;
  const float* row = logits.Row(r);
  const Softmax softmax = SoftmaxOf(row, logits.columns, SharedMemory());
  if (threadIdx.x == 0) {
    losses[r] = logf(softmax.sum) + (softmax.largest - row[labels[r]]);
  }
}

// dlogits may be logits: each thread reads an element before it writes it, and
// all have read the label's before any is written.
template <typename T>
__global__ void LossesBackwardKernel(const int32_t* labels,
                                     View<const float> logits, float scale,
                                     float* losses, View<T> dlogits) {
  const int64_t r = blockIdx.x;
  const float* row = logits.Row(r);
  const int32_t label = labels[r];
  const float label_logit = row[label];
  const Softmax softmax = SoftmaxOf(row, logits.columns, SharedMemory());
  __syncthreads();
  if (threadIdx.x == 0) {
    losses[r] = logf(softmax.sum) + (softmax.largest - label_logit);
  }
  const float factor = scale / softmax.sum;
  for (int64_t c = threadIdx.x; c < logits.columns; c += blockDim.x) {
    const float share = expf(row[c] - softmax.largest) * factor;
    dlogits.Set(r, c, c == label ? share - scale : share);
  }
}

dim3 GridOf(const View<const float>& x) {
  return {x.columns == 0 ? 0 : static_cast<unsigned>(x.rows)};
}

}  // namespace

template <typename T>
cudaError_t NormForward(const NormWeights& norm, View<const float> x, View<T> y,
                        float* statistics, cudaStream_t stream) {
  return Launch(&NormForwardKernel<T>, GridOf(x), ThreadsFor(x.columns),
                kSharedBytes, stream, norm, x, y, statistics);
}
template cudaError_t NormForward(const NormWeights&, View<const float>,
                                 View<float>, float*, cudaStream_t);
template cudaError_t NormForward(const NormWeights&, View<const float>,
                                 View<Bfloat>, float*, cudaStream_t);

cudaError_t NormBackward(const NormWeights& norm, View<const float> x,
                         const float* statistics, View<const float> dy,
                         View<const float> residual, View<float> dx,
                         cudaStream_t stream) {
  return Launch(&NormBackwardKernel, GridOf(x), ThreadsFor(x.columns),
                kSharedBytes, stream, norm, x, statistics, dy, residual, dx);
}

cudaError_t CrossEntropyForward(const int32_t* labels, View<const float> logits,
                                float* losses, cudaStream_t stream) {
  return Launch(&LossesKernel, GridOf(logits), ThreadsFor(logits.columns),
                kSharedBytes, stream, labels, logits, losses);
}

template <typename T>
cudaError_t CrossEntropyBackward(const int32_t* labels,
                                 View<const float> logits, float scale,
                                 float* losses, View<T> dlogits,
                                 cudaStream_t stream) {
  return Launch(&LossesBackwardKernel<T>, GridOf(logits),
                ThreadsFor(logits.columns), kSharedBytes, stream, labels,
                logits, scale, losses, dlogits);
}
template cudaError_t CrossEntropyBackward(const int32_t*, View<const float>,
                                          float, float*, View<float>,
                                          cudaStream_t);
template cudaError_t CrossEntropyBackward(const int32_t*, View<const float>,
                                          float, float*, View<Bfloat>,
                                          cudaStream_t);

}  // namespace hawser::cuda
