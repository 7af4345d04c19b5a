// Matrix products in float32, row-major, spread over the threads of a pool. The
// product is cut into panels by its shape alone, so that its bits do not depend
// on the number of threads.
//
// Thread-compatible.
#ifndef HAWSER_WORKER_BACKEND_GEMM_H_
#define HAWSER_WORKER_BACKEND_GEMM_H_

#include <cstdint>
#include <vector>

#include "worker/backend/cpu/matrix_products.h"
#include "worker/backend/thread_pool.h"

namespace hawser {

class Gemm {
 public:
  // pool outlives it.
  explicit Gemm(ThreadPool* pool);

  // c [m, n] = a [m, k] * b [n, k]^T.
  void MultiplyTransposed(const float* a, const float* b, int64_t m, int64_t n,
                          int64_t k, float* c);

  // c [m, n] = a [m, k] * b [k, n].
  void Multiply(const float* a, const float* b, int64_t m, int64_t n, int64_t k,
                float* c);

  // c [m, n] = a [k, m]^T * b [k, n].
  void MultiplyTransposedLeft(const float* a, const float* b, int64_t m,
                              int64_t n, int64_t k, float* c);

 private:
  ThreadPool* const pool_;
  std::vector<MatrixProducts> products_;  // a thread's own
};

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_GEMM_H_
