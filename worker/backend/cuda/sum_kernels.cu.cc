#include "worker/backend/cuda/sum_kernels.h"

#include "worker/backend/cuda/launch.h"

namespace hawser::cuda {

// What is summed: a matrix, or a product of what a norm has seen.
template <typename T>
struct Values {
  View<const T> x;
  __device__ float At(int64_t r, int64_t c) const { return x.Get(r, c); }
  // For the emulation.
  template <typename Use>
  void ForEachPointer(Use use) {
    x.ForEachPointer(use);
  }
};
struct NormProducts {
  View<const float> x;
  const float* statistics;
  View<const float> dy;
  __device__ float At(int64_t r, int64_t c) const {
    const float normal =
        (x.Get(r, c) - statistics[2 * r]) * statistics[2 * r + 1];
    return dy.Get(r, c) * normal;
  }
  // For the emulation.
  template <typename Use>
  void ForEachPointer(Use use) {
    x.ForEachPointer(use);
    use(statistics);
    dy.ForEachPointer(use);
  }
};

namespace {

// A block: so many columns, and so many rows at a time.
constexpr int kColumns = 32;
constexpr int kRows = 8;
constexpr int kTile = 32;  // of a transposition

// Block (i, part): columns from i * kColumns on, rows of this part.
// sums: [parts, columns].
template <typename Source>
__global__ void SumPartsKernel(Source source, int64_t rows, int64_t columns,
                               float* sums) {
  float* shared = SharedMemory();  // [kRows, kColumns]
  const int64_t c = int64_t{blockIdx.x} * kColumns + threadIdx.x;
  const int64_t first = int64_t{blockIdx.y} * kRowsOfAPart;
  const int64_t end = first + kRowsOfAPart < rows ? first + kRowsOfAPart : rows;
  float sum = 0;
  if (c < columns) {
    for (int64_t r = first + threadIdx.y; r < end; r += kRows) {
      sum += source.At(r, c);
    }
  }
  shared[threadIdx.y * kColumns + threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || c >= columns) return;
  for (int row = 1; row < kRows; ++row) {
    sum += shared[row * kColumns + threadIdx.x];
  }
  sums[blockIdx.y * columns + c] = sum;
}

__global__ void AddPartsKernel(const float* partial, int64_t parts,
                               int64_t columns, float* sums) {
  const int64_t c = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (c >= columns) return;
  float sum = partial[c];
  for (int64_t part = 1; part < parts; ++part)
    sum += partial[part * columns + c];
  sums[c] = sum;
}

template <typename Source>
cudaError_t SumParts(const Source& source, int64_t rows, int64_t columns,
                     float* sums, float* partial, cudaStream_t stream) {
  const int64_t parts = rows == 0 ? 1 : CeilDiv(rows, kRowsOfAPart);
  const cudaError_t error =
      Launch(&SumPartsKernel<Source>,
             dim3(Blocks(columns, kColumns), static_cast<unsigned>(parts)),
             dim3(kColumns, kRows), kColumns * kRows * int64_t{sizeof(float)},
             stream, source, rows, columns, parts == 1 ? sums : partial);
  if (parts == 1 || error != cudaSuccess) return error;
  return Launch(&AddPartsKernel, dim3(Blocks(columns, kBlock)), dim3(kBlock), 0,
                stream, static_cast<const float*>(partial), parts, columns,
                sums);
}

__global__ void TransposeKernel(View<const float> x, View<float> y) {
  float* tile = SharedMemory();  // [kTile, kTile + 1]: no two in one bank
  const int64_t column = int64_t{blockIdx.y} * kTile;
  const int64_t row = int64_t{blockIdx.x} * kTile;
  for (int64_t i = threadIdx.y; i < kTile; i += kRows) {
    if (row + i < x.rows && column + threadIdx.x < x.columns) {
      tile[i * (kTile + 1) + threadIdx.x] =
          x.Get(row + i, column + threadIdx.x);
    }
  }
  __syncthreads();
  for (int64_t i = threadIdx.y; i < kTile; i += kRows) {
    if (column + i < y.rows && row + threadIdx.x < y.columns) {
      y.Set(column + i, row + threadIdx.x, tile[threadIdx.x * (kTile + 1) + i]);
    }
  }
}

// Block (r, i): the token of row r, if no row before has it, and a column for
// each thread. It adds all rows of that token.
__global__ void EmbedBackwardKernel(const int32_t* tokens, View<const float> dx,
                                    View<float> dweight) {
  auto* chunk = reinterpret_cast<int32_t*>(SharedMemory());  // [threads]
  const auto threads = static_cast<int64_t>(blockDim.x);
  const int64_t row = ElementRow(dx.columns), c = ElementColumn(dx.columns);
  const int32_t token = tokens[row];
  for (int64_t start = 0; start < row; start += threads) {
    const int64_t r = start + threadIdx.x;
    if (__syncthreads_or(r < row && tokens[r] == token)) return;
  }
  float sum = 0;
  for (int64_t start = row; start < dx.rows; start += threads) {
    const int64_t r = start + threadIdx.x;
    chunk[threadIdx.x] = r < dx.rows ? tokens[r] : -1;
    if (!__syncthreads_or(chunk[threadIdx.x] == token)) continue;
    for (int64_t i = 0; i < threads; ++i) {
      if (chunk[i] == token && c < dx.columns) sum += dx.Get(start + i, c);
    }
    __syncthreads();  // before the next chunk
  }
  if (c < dx.columns) dweight.Set(token, c, dweight.Get(token, c) + sum);
}

}  // namespace

int64_t PartialSumFloats(int64_t rows, int64_t columns, int matrices) {
  return rows <= kRowsOfAPart
             ? 0
             : CeilDiv(rows, kRowsOfAPart) * columns * matrices;
}

template <typename T>
cudaError_t SumRows(View<const T> x, float* sums, float* partial,
                    cudaStream_t stream) {
  return SumParts(Values<T>{x}, x.rows, x.columns, sums, partial, stream);
}
template cudaError_t SumRows(View<const float>, float*, float*, cudaStream_t);
template cudaError_t SumRows(View<const Bfloat>, float*, float*, cudaStream_t);

cudaError_t SumNormGradients(View<const float> x, const float* statistics,
                             View<const float> dy, float* dweight, float* dbias,
                             float* partial, cudaStream_t stream) {
  const cudaError_t error = SumParts(NormProducts{x, statistics, dy}, x.rows,
                                     x.columns, dweight, partial, stream);
  if (dbias == nullptr || error != cudaSuccess) return error;
  return SumParts(Values<float>{dy}, dy.rows, dy.columns, dbias, partial,
                  stream);
}

cudaError_t Transpose(View<const float> x, View<float> y, cudaStream_t stream) {
  return Launch(&TransposeKernel,
                dim3(Blocks(x.rows, kTile), Blocks(x.columns, kTile)),
                dim3(kTile, kRows),
                kTile * (kTile + 1) * int64_t{sizeof(float)}, stream, x, y);
}

cudaError_t EmbedBackward(const int32_t* tokens, View<const float> dx,
                          View<float> dweight, cudaStream_t stream) {
  const ElementGrid grid(dx.rows, dx.columns);
  return Launch(&EmbedBackwardKernel, grid.grid, grid.block,
                int64_t{grid.block.x} * int64_t{sizeof(int32_t)}, stream,
                tokens, dx, dweight);
}

}  // namespace hawser::cuda
