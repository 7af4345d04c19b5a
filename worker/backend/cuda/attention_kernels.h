// Causal attention, a tile of queries and keys at a time (Dao et al., 2022), in
// float32 whatever the elements; see AttentionForward of lane.h.
//
//   forward    a block for each tile of queries: over the keys, with a running
//              maximum and sum
//   queries'   the same blocks: weights from the sums that forward kept
//   keys'      a block for each tile of keys: over the queries of all heads
//   that
//              share them, in order, so that nothing is added by two blocks
//
// Each row of a tile belongs to some neighbours in a warp, which share its
// columns.
#ifndef HAWSER_WORKER_BACKEND_CUDA_ATTENTION_KERNELS_H_
#define HAWSER_WORKER_BACKEND_CUDA_ATTENTION_KERNELS_H_

#include "worker/backend/cuda/dropout.h"
#include "worker/backend/cuda/view.h"

namespace hawser::cuda {

inline constexpr int64_t kMaxHeadWidth = 256;

struct AttentionShape {
  int64_t samples = 1;
  int64_t queries = 0;  // of a sample
  int64_t keys = 0;     // of a sample
  int64_t groups = 1;
  int64_t heads = 1;  // of a group
  int64_t head_width = 0;
  float scale = 0;
  int64_t first_position = 0;
  Drops drops;
};

// T: float or Bfloat. head_width: at most kMaxHeadWidth.
template <typename T>
cudaError_t AttentionForward(const AttentionShape& shape, View<const T> q,
                             View<const T> k, View<const T> v, View<T> y,
                             float* log_sums, cudaStream_t stream);
template <typename T>
cudaError_t AttentionBackward(const AttentionShape& shape, View<const T> q,
                              View<const T> k, View<const T> v, View<const T> y,
                              const float* log_sums, View<const T> dy,
                              View<T> dq, View<T> dk, View<T> dv,
                              cudaStream_t stream);

}  // namespace hawser::cuda

#endif  // HAWSER_WORKER_BACKEND_CUDA_ATTENTION_KERNELS_H_
