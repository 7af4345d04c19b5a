#include "worker/backend/cuda/attention_tile.h"

namespace hawser::cuda {
namespace {

// One weight on the way back.
struct Weight {
  float kept;    // after dropout
  float dscore;  // the derivative of the loss by the score before scaling
};

// What a thread knows of the query of its row.
struct Query {
  int64_t query;    // of its sample
  int64_t number;   // of the weights' row
  float log_sum;    // of its softmax
  float dy_with_y;  // sum over columns of dy * y: the mean of dweights
};

// Requires that all neighbours of the row call it. Beyond the queries, zeros.
template <typename Tile, typename T>
__device__ Query QueryOf(const AttentionShape& shape, int64_t sample,
                         int64_t head, int64_t query, const View<const T>& y,
                         const float* log_sums, const float* dy_row) {
  const int64_t number =
      (sample * shape.groups * shape.heads + head) * shape.queries + query;
  float sum = 0;
  const bool is_there = query < shape.queries;
  if (is_there) {
    for (int c = Tile::Part(); c < shape.head_width; c += Tile::kRowThreads) {
      sum += dy_row[c] *
             y.Get(sample * shape.queries + query, head * shape.head_width + c);
    }
  }
  sum = Neighbours<Sum>(sum, Tile::kRowThreads);
  return {query, number, is_there ? log_sums[number] : 0, sum};
}

// key: of its sample. The rows are those of tiles.
template <typename Tile>
__device__ Weight WeightOf(const AttentionShape& shape, const Query& query,
                           int64_t key, const float* q_row, const float* k_row,
                           const float* v_row, const float* dy_row) {
  if (query.query >= shape.queries || key >= shape.keys ||
      key > shape.first_position + query.query) {
    return {0, 0};
  }
  const float score = shape.scale * Tile::Dot(q_row, k_row);
  const float weight = expf(score - query.log_sum);
  const float factor = shape.drops.Factor(query.number, key, shape.keys);
  const float dweight = Tile::Dot(dy_row, v_row) * factor;
  return {weight * factor, shape.scale * weight * (dweight - query.dy_with_y)};
}

// Block (tile of queries, head of all, sample).
template <typename Tile, typename T>
__global__ void __launch_bounds__(kAttentionThreads, 2)
    QueriesKernel(AttentionShape shape, View<const T> q, View<const T> k,
                  View<const T> v, View<const T> y, const float* log_sums,
                  View<const T> dy, View<T> dq) {
  float* queries = SharedMemory();
  float* derivatives = queries + Tile::kFloats;
  float* keys = derivatives + Tile::kFloats;
  float* values = keys + Tile::kFloats;
  float* dscores = values + Tile::kFloats;
  const int row = Tile::Row(), part = Tile::Part();
  const int64_t sample = blockIdx.z, head = blockIdx.y;
  const int64_t width = shape.head_width;
  const int64_t first = int64_t{blockIdx.x} * Tile::kRows;
  const int64_t first_row = sample * shape.queries + first;
  const int64_t rows_end = (sample + 1) * shape.queries;
  const int64_t first_key = sample * shape.keys;
  const int64_t key_column = head / shape.heads * width;
  Tile::Fill(q, first_row, rows_end, head * width, width, queries);
  Tile::Fill(dy, first_row, rows_end, head * width, width, derivatives);
  __syncthreads();
  const float* q_row = queries + row * Tile::kStride;
  const float* dy_row = derivatives + row * Tile::kStride;
  float* dscore_row = dscores + row * Tile::kWeightStride;
  const Query query =
      QueryOf<Tile>(shape, sample, head, first + row, y, log_sums, dy_row);
  const int64_t last =
      first + Tile::kRows < shape.queries ? first + Tile::kRows : shape.queries;
  const int64_t end = shape.first_position + last;
  float sums[Tile::kColumns] = {};
  for (int64_t start = 0; start < end; start += Tile::kRows) {
    __syncthreads();
    Tile::Fill(k, first_key + start, first_key + shape.keys, key_column, width,
               keys);
    Tile::Fill(v, first_key + start, first_key + shape.keys, key_column, width,
               values);
    __syncthreads();
    for (int i = 0; i < Tile::kKeys; ++i) {
      const int j = part + i * Tile::kRowThreads;
      dscore_row[j] = WeightOf<Tile>(shape, query, start + j, q_row,
                                     keys + j * Tile::kStride,
                                     values + j * Tile::kStride, dy_row)
                          .dscore;
    }
    __syncwarp();  // a row's are its own warp's
    Tile::AddRows(dscore_row, 1, keys, sums);
  }
  if (query.query >= shape.queries) return;
  Tile::Write(sums, width, dq.Row(first_row + row) + head * width);
}

// Block (tile of keys, group, sample).
template <typename Tile, typename T>
__global__ void __launch_bounds__(kAttentionThreads, 2)
    KeysKernel(AttentionShape shape, View<const T> q, View<const T> k,
               View<const T> v, View<const T> y, const float* log_sums,
               View<const T> dy, View<T> dk, View<T> dv) {
  float* keys = SharedMemory();
  float* values = keys + Tile::kFloats;
  float* queries = values + Tile::kFloats;
  float* derivatives = queries + Tile::kFloats;
  float* weights = derivatives + Tile::kFloats;
  float* dscores = weights + Tile::kWeightFloats;
  const int row = Tile::Row(), part = Tile::Part();
  const int64_t sample = blockIdx.z, group = blockIdx.y;
  const int64_t width = shape.head_width;
  const int64_t first = int64_t{blockIdx.x} * Tile::kRows;
  const int64_t first_key = sample * shape.keys + first;
  const int64_t keys_end = (sample + 1) * shape.keys;
  const int64_t rows_end = (sample + 1) * shape.queries;
  Tile::Fill(k, first_key, keys_end, group * width, width, keys);
  Tile::Fill(v, first_key, keys_end, group * width, width, values);
  // Queries before see none of these keys.
  const int64_t seen = first - shape.first_position;
  const int64_t begin = seen <= 0 ? 0 : seen / Tile::kRows * Tile::kRows;
  float dkeys[Tile::kColumns] = {};
  float dvalues[Tile::kColumns] = {};
  for (int64_t head = group * shape.heads; head < (group + 1) * shape.heads;
       ++head) {
    for (int64_t start = begin; start < shape.queries; start += Tile::kRows) {
      const int64_t first_row = sample * shape.queries + start;
      __syncthreads();
      Tile::Fill(q, first_row, rows_end, head * width, width, queries);
      Tile::Fill(dy, first_row, rows_end, head * width, width, derivatives);
      __syncthreads();
      const float* q_row = queries + row * Tile::kStride;
      const float* dy_row = derivatives + row * Tile::kStride;
      const Query query =
          QueryOf<Tile>(shape, sample, head, start + row, y, log_sums, dy_row);
      for (int i = 0; i < Tile::kKeys; ++i) {
        const int j = part + i * Tile::kRowThreads;
        const Weight weight = WeightOf<Tile>(
            shape, query, first + j, q_row, keys + j * Tile::kStride,
            values + j * Tile::kStride, dy_row);
        weights[row * Tile::kWeightStride + j] = weight.kept;
        dscores[row * Tile::kWeightStride + j] = weight.dscore;
      }
      __syncthreads();
      // From here on the thread's row is a key's.
      Tile::AddRows(dscores + row, Tile::kWeightStride, queries, dkeys);
      Tile::AddRows(weights + row, Tile::kWeightStride, derivatives, dvalues);
    }
  }
  if (first + row >= shape.keys) return;
  Tile::Write(dkeys, width, dk.Row(first_key + row) + group * width);
  Tile::Write(dvalues, width, dv.Row(first_key + row) + group * width);
}

}  // namespace

template <typename T>
cudaError_t AttentionBackward(const AttentionShape& shape, View<const T> q,
                              View<const T> k, View<const T> v, View<const T> y,
                              const float* log_sums, View<const T> dy,
                              View<T> dq, View<T> dk, View<T> dv,
                              cudaStream_t stream) {
  return WithTile(shape.head_width, [&](auto tile) {
    using Tile = decltype(tile);
    const auto samples = static_cast<unsigned>(shape.samples);
    const cudaError_t error = LaunchAttention(
        &QueriesKernel<Tile, T>,
        dim3(Blocks(shape.queries, Tile::kRows),
             static_cast<unsigned>(shape.groups * shape.heads), samples),
        4 * Tile::kFloats + Tile::kWeightFloats, stream, shape, q, k, v, y,
        log_sums, dy, dq);
    if (error != cudaSuccess) return error;
    return LaunchAttention(&KeysKernel<Tile, T>,
                           dim3(Blocks(shape.keys, Tile::kRows),
                                static_cast<unsigned>(shape.groups), samples),
                           4 * Tile::kFloats + 2 * Tile::kWeightFloats, stream,
                           shape, q, k, v, y, log_sums, dy, dk, dv);
  });
}
template cudaError_t AttentionBackward(const AttentionShape&, View<const float>,
                                       View<const float>, View<const float>,
                                       View<const float>, const float*,
                                       View<const float>, View<float>,
                                       View<float>, View<float>, cudaStream_t);
template cudaError_t AttentionBackward(const AttentionShape&,
                                       View<const Bfloat>, View<const Bfloat>,
                                       View<const Bfloat>, View<const Bfloat>,
                                       const float*, View<const Bfloat>,
                                       View<Bfloat>, View<Bfloat>, View<Bfloat>,
                                       cudaStream_t);

}  // namespace hawser::cuda
