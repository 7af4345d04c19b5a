// What the attention kernels share: how a block is laid out, and its tiles in
// shared memory.
#ifndef HAWSER_WORKER_BACKEND_CUDA_ATTENTION_TILE_H_
#define HAWSER_WORKER_BACKEND_CUDA_ATTENTION_TILE_H_

#include <cmath>

#include "worker/backend/cuda/attention_kernels.h"
#include "worker/backend/cuda/launch.h"
#include "worker/backend/cuda/reduce.h"

namespace hawser::cuda {

inline constexpr int kAttentionThreads = 128;

// kRows queries and as many keys; heads of up to kWidth columns, filled up with
// zeros.
template <int kTileRows, int kTileWidth>
struct Tile {
  static constexpr int kRows = kTileRows;
  static constexpr int kWidth = kTileWidth;
  static constexpr int kRowThreads = kAttentionThreads / kRows;
  static constexpr int kKeys = kRows / kRowThreads;      // of a thread's row
  static constexpr int kColumns = kWidth / kRowThreads;  // of a thread's row
  static constexpr int kStride = kWidth + 1;       // no two rows in one bank
  static constexpr int kFloats = kRows * kStride;  // of a tile of rows
  static constexpr int kWeightStride = kRows + 1;  // of weights
  static constexpr int kWeightFloats = kRows * kWeightStride;

  // This thread's row, and its number among those of the row.
  static __device__ int Row() {
    return static_cast<int>(threadIdx.x) / kRowThreads;
  }
  static __device__ int Part() {
    return static_cast<int>(threadIdx.x) % kRowThreads;
  }

  // Rows [first, first + kRows) of x that are below `end`, columns from
  // `column` on.
  template <typename T>
  static __device__ void Fill(const View<const T>& x, int64_t first,
                              int64_t end, int64_t column, int64_t width,
                              float* tile) {
    for (int i = static_cast<int>(threadIdx.x); i < kRows * kWidth;
         i += kAttentionThreads) {
      const int r = i / kWidth, c = i % kWidth;
      tile[r * kStride + c] =
          first + r < end && c < width ? x.Get(first + r, column + c) : 0;
    }
  }

  static __device__ float Dot(const float* a, const float* b) {
    float sum = 0;
#pragma unroll 8
    for (int c = 0; c < kWidth; ++c) sum += a[c] * b[c];
    return sum;
  }

  // sums[c] += sum over j of weights[j * weight_step] * tile[j, column c].
  static __device__ void AddRows(const float* weights, int weight_step,
                                 const float* tile, float* sums) {
    const int part = Part();
    for (int j = 0; j < kRows; ++j) {
      const float weight = weights[j * weight_step];
      const float* row = tile + j * kStride + part;
#pragma unroll
      for (int c = 0; c < kColumns; ++c)
        sums[c] += weight * row[c * kRowThreads];
    }
  }

  // Writes this thread's columns of a row.
  template <typename T>
  static __device__ void Write(const float* values, int64_t width, T* row) {
#pragma unroll
    for (int c = 0; c < kColumns; ++c) {
      const int column = Part() + c * kRowThreads;
      if (column < width) Store(values[c], row + column);
    }
  }
};

// Calls use(Tile<...>()) with the tile for heads of this width. The wider the
// heads, the fewer rows fit.
template <typename Use>
cudaError_t WithTile(int64_t head_width, Use use) {
  if (head_width <= 16) return use(Tile<32, 16>());
  if (head_width <= 64) return use(Tile<32, 64>());
  if (head_width <= 128) return use(Tile<16, 128>());
  if (head_width <= kMaxHeadWidth) return use(Tile<16, 256>());
  return cudaErrorInvalidValue;
}

// Launches a kernel that may need more shared memory than kernels have without
// being told.
template <typename... P>
cudaError_t LaunchAttention(void (*kernel)(P...), dim3 grid, int64_t floats,
                            cudaStream_t stream, P... arguments) {
  constexpr int64_t kUsual = 48 << 10;
  const int64_t bytes = floats * static_cast<int64_t>(sizeof(float));
  if (bytes > kUsual) {
    const cudaError_t error = cudaFuncSetAttribute(
        reinterpret_cast<const void*>(kernel),
        cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes));
    if (error != cudaSuccess) return error;
  }
  return Launch(kernel, grid, dim3(kAttentionThreads), bytes, stream,
                arguments...);
}

}  // namespace hawser::cuda

#endif  // HAWSER_WORKER_BACKEND_CUDA_ATTENTION_TILE_H_
