// Launching kernels, and what every kernel needs: one source for nvcc and for
// the host compiler of the emulation (tests/cuda_emulation).
#ifndef HAWSER_WORKER_BACKEND_CUDA_LAUNCH_H_
#define HAWSER_WORKER_BACKEND_CUDA_LAUNCH_H_

#include <cuda_runtime.h>

#include <cstdint>

namespace hawser::cuda {

// Most threads of a block of any kernel here, and a warp's.
inline constexpr int kBlock = 256;
inline constexpr int kWarp = 32;

// kernel<<<grid, block, shared_bytes, stream>>>(arguments...). Nothing if the
// grid is empty.
template <typename... P>
cudaError_t Launch(void (*kernel)(P...), dim3 grid, dim3 block,
                   int64_t shared_bytes, cudaStream_t stream, P... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return cudaSuccess;
  const auto bytes = static_cast<size_t>(shared_bytes);
#ifdef __CUDACC__
  void* pointers[] = {&arguments...};
  return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, block,
                          pointers, bytes, stream);
#else
  return cuda_emulation::LaunchKernel(kernel, grid, block, bytes, stream,
                                      arguments...);
#endif
}

// The block's shared memory, of the size that it was launched with.
__device__ inline float* SharedMemory() {
#ifdef __CUDACC__
  extern __shared__ float shared_memory[];
  return shared_memory;
#else
  return static_cast<float*>(cuda_emulation::BlockMemory());
#endif
}

__host__ __device__ inline constexpr int64_t CeilDiv(int64_t n, int64_t by) {
  return (n + by - 1) / by;
}
inline constexpr unsigned Blocks(int64_t n, int64_t by) {
  return static_cast<unsigned>(CeilDiv(n, by));
}

// Threads for so many columns: whole warps, no more than a block's.
inline unsigned ThreadsFor(int64_t columns) {
  const int64_t threads = CeilDiv(columns, kWarp) * kWarp;
  if (threads == 0) return kWarp;
  return static_cast<unsigned>(threads < kBlock ? threads : kBlock);
}

// A thread for each element of [rows, columns]: row after row, in each as many
// blocks as its columns need.
struct ElementGrid {
  ElementGrid(int64_t rows, int64_t columns)
      : block(ThreadsFor(columns)),
        grid(columns == 0
                 ? 0
                 : static_cast<unsigned>(rows * CeilDiv(columns, block.x))) {}
  dim3 block;
  dim3 grid;
};
__device__ inline unsigned RowBlocks(int64_t columns) {
  return static_cast<unsigned>(CeilDiv(columns, blockDim.x));
}
__device__ inline int64_t ElementRow(int64_t columns) {
  return blockIdx.x / RowBlocks(columns);
}
// It may be beyond them.
__device__ inline int64_t ElementColumn(int64_t columns) {
  return int64_t{blockIdx.x % RowBlocks(columns)} * blockDim.x + threadIdx.x;
}

}  // namespace hawser::cuda

#endif  // HAWSER_WORKER_BACKEND_CUDA_LAUNCH_H_
