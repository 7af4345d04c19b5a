// Matrix products in float32, row-major, by OpenBLAS on one thread a panel. The
// product is cut into panels by its shape alone, so that its bits do not depend
// on the number of threads.
#ifndef HAWSER_WORKER_BACKEND_GEMM_H_
#define HAWSER_WORKER_BACKEND_GEMM_H_

#include <cstdint>

namespace hawser {

class ThreadPool;

// c [m, n] = a [m, k] * b [n, k]^T.
void MultiplyTransposed(const float* a, const float* b, int64_t m, int64_t n,
                        int64_t k, float* c, ThreadPool* pool);

// c [m, n] = a [m, k] * b [k, n].
void Multiply(const float* a, const float* b, int64_t m, int64_t n, int64_t k,
              float* c, ThreadPool* pool);

// c [m, n] = a [k, m]^T * b [k, n].
void MultiplyTransposedLeft(const float* a, const float* b, int64_t m,
                            int64_t n, int64_t k, float* c, ThreadPool* pool);

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_GEMM_H_
