// Sums over rows, transposition and the deterministic scatter of embeddings.
// Rows are added in an order that their number alone decides: no atomics.
#ifndef HAWSER_WORKER_BACKEND_CUDA_SUM_KERNELS_H_
#define HAWSER_WORKER_BACKEND_CUDA_SUM_KERNELS_H_

#include "worker/backend/cuda/view.h"

namespace hawser::cuda {

// Rows that one block adds up. What it finds is a partial sum, which a second
// kernel adds to the others, if there are any.
inline constexpr int64_t kRowsOfAPart = 512;

// Floats of working memory for the partial sums of `matrices` matrices.
int64_t PartialSumFloats(int64_t rows, int64_t columns, int matrices);

// sums[c] = sum over r of x[r, c].
template <typename T>
cudaError_t SumRows(View<const T> x, float* sums, float* partial,
                    cudaStream_t stream);

// What a norm's weight and bias get: dweight[c] = sum of dy * (x - mean) *
// scale, dbias[c] = sum of dy; no dbias: null. statistics: [rows, 2], mean and
// scale.
cudaError_t SumNormGradients(View<const float> x, const float* statistics,
                             View<const float> dy, float* dweight, float* dbias,
                             float* partial, cudaStream_t stream);

// y = x^T.
cudaError_t Transpose(View<const float> x, View<float> y, cudaStream_t stream);

// dweight[tokens[r]] += dx[r], rows in order.
cudaError_t EmbedBackward(const int32_t* tokens, View<const float> dx,
                          View<float> dweight, cudaStream_t stream);

}  // namespace hawser::cuda

#endif  // HAWSER_WORKER_BACKEND_CUDA_SUM_KERNELS_H_
