// Sums and largest values over the threads of a block, in an order that the
// block's size alone decides: a butterfly in each warp, then warp after warp.
// Every thread of the block calls them and gets the result.
#ifndef HAWSER_WORKER_BACKEND_CUDA_REDUCE_H_
#define HAWSER_WORKER_BACKEND_CUDA_REDUCE_H_

#include "worker/backend/cuda/launch.h"

namespace hawser::cuda {

inline constexpr int kReduceFloats = kBlock / kWarp;  // of shared memory

struct Sum {
  static __device__ float Of(float a, float b) { return a + b; }
};
struct Largest {
  static __device__ float Of(float a, float b) { return a > b ? a : b; }
};

// Over `threads` (a power of two) neighbours of a warp.
template <typename How>
__device__ float Neighbours(float value, int threads) {
  for (int mask = threads / 2; mask > 0; mask /= 2) {
    value = How::Of(value, __shfl_xor_sync(0xffffffff, value, mask));
  }
  return value;
}

// shared: [kReduceFloats]; it may be in use until all threads are here. The
// block is whole warps.
template <typename How>
__device__ float OverBlock(float value, float* shared) {
  value = Neighbours<How>(value, kWarp);
  if (blockDim.x == kWarp) return value;
  __syncthreads();
  if (threadIdx.x % kWarp == 0) shared[threadIdx.x / kWarp] = value;
  __syncthreads();
  value = shared[0];
  for (unsigned warp = 1; warp < blockDim.x / kWarp; ++warp) {
    value = How::Of(value, shared[warp]);
  }
  return value;
}

}  // namespace hawser::cuda

#endif  // HAWSER_WORKER_BACKEND_CUDA_REDUCE_H_
