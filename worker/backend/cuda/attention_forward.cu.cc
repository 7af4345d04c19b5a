#include "worker/backend/cuda/attention_tile.h"

namespace hawser::cuda {
namespace {

// Block (tile of queries, head of all, sample).
template <typename Tile, typename T>
__global__ void __launch_bounds__(kAttentionThreads, 2)
    ForwardKernel(AttentionShape shape, View<const T> q, View<const T> k,
                  View<const T> v, View<T> y, float* log_sums) {
  float* queries = SharedMemory();
  float* keys = queries + Tile::kFloats;
  float* values = keys + Tile::kFloats;
  float* weights = values + Tile::kFloats;
  const int row = Tile::Row(), part = Tile::Part();
  const int64_t sample = blockIdx.z, head = blockIdx.y;
  const int64_t width = shape.head_width;
  const int64_t first = int64_t{blockIdx.x} * Tile::kRows;
  const int64_t query = first + row;
  const int64_t position = shape.first_position + query;
  const int64_t number = sample * shape.groups * shape.heads + head;
  const int64_t first_key = sample * shape.keys;
  const int64_t key_column = head / shape.heads * width;
  Tile::Fill(q, sample * shape.queries + first, (sample + 1) * shape.queries,
             head * width, width, queries);
  // Keys that the tile's last query sees.
  const int64_t last =
      first + Tile::kRows < shape.queries ? first + Tile::kRows : shape.queries;
  const int64_t end = shape.first_position + last;
  float* row_weights = weights + row * Tile::kWeightStride;
  float largest = -INFINITY, sum = 0;
  float outputs[Tile::kColumns] = {};
  for (int64_t start = 0; start < end; start += Tile::kRows) {
    __syncthreads();
    Tile::Fill(k, first_key + start, first_key + shape.keys, key_column, width,
               keys);
    Tile::Fill(v, first_key + start, first_key + shape.keys, key_column, width,
               values);
    __syncthreads();
    float scores[Tile::kKeys];
    float top = -INFINITY;
#pragma unroll
    for (int i = 0; i < Tile::kKeys; ++i) {
      const int j = part + i * Tile::kRowThreads;
      scores[i] = -INFINITY;
      if (start + j <= position && start + j < shape.keys) {
        scores[i] = shape.scale * Tile::Dot(queries + row * Tile::kStride,
                                            keys + j * Tile::kStride);
      }
      top = Largest::Of(top, scores[i]);
    }
    top = Largest::Of(largest, Neighbours<Largest>(top, Tile::kRowThreads));
    const float kept = top == -INFINITY ? 1 : expf(largest - top);
    float added = 0;
#pragma unroll
    for (int i = 0; i < Tile::kKeys; ++i) {
      const int j = part + i * Tile::kRowThreads;
      const float weight = scores[i] == -INFINITY ? 0 : expf(scores[i] - top);
      added += weight;
      row_weights[j] =
          weight == 0
              ? 0
              : weight * shape.drops.Factor(number * shape.queries + query,
                                            start + j, shape.keys);
    }
    largest = top;
    sum = sum * kept + Neighbours<Sum>(added, Tile::kRowThreads);
    __syncwarp();  // a row's weights are its own warp's
#pragma unroll
    for (int c = 0; c < Tile::kColumns; ++c) outputs[c] *= kept;
    Tile::AddRows(row_weights, 1, values, outputs);
  }
  if (query >= shape.queries) return;
#pragma unroll
  for (int c = 0; c < Tile::kColumns; ++c) outputs[c] /= sum;
  Tile::Write(outputs, width,
              y.Row(sample * shape.queries + query) + head * width);
  if (part == 0) {
    log_sums[number * shape.queries + query] = largest + logf(sum);
  }
}

}  // namespace

template <typename T>
cudaError_t AttentionForward(const AttentionShape& shape, View<const T> q,
                             View<const T> k, View<const T> v, View<T> y,
                             float* log_sums, cudaStream_t stream) {
  return WithTile(shape.head_width, [&](auto tile) {
    using Tile = decltype(tile);
    const dim3 grid(Blocks(shape.queries, Tile::kRows),
                    static_cast<unsigned>(shape.groups * shape.heads),
                    static_cast<unsigned>(shape.samples));
    return LaunchAttention(&ForwardKernel<Tile, T>, grid,
                           3 * Tile::kFloats + Tile::kWeightFloats, stream,
                           shape, q, k, v, y, log_sums);
  });
}
template cudaError_t AttentionForward(const AttentionShape&, View<const float>,
                                      View<const float>, View<const float>,
                                      View<float>, float*, cudaStream_t);
template cudaError_t AttentionForward(const AttentionShape&, View<const Bfloat>,
                                      View<const Bfloat>, View<const Bfloat>,
                                      View<Bfloat>, float*, cudaStream_t);

}  // namespace hawser::cuda
