// The operations that multi-layer perceptrons are made of, as every backend
// offers them: each over a whole batch, spread over the backend as it likes.
//
// Matrices are row-major without gaps, in float32. All memory is memory that
// lanes work on (backend.h). What an operation adds up, it adds in an order
// that its shape alone decides.
#ifndef HAWSER_WORKER_BACKEND_DENSE_H_
#define HAWSER_WORKER_BACKEND_DENSE_H_

#include <cstdint>

#include "common/counter_random.h"
#include "common/metrics.h"
#include "proto/job.pb.h"

namespace hawser {

class Dense {
 public:
  virtual ~Dense() = default;

  // c [m, n] = a [m, k] * b [n, k]^T.
  virtual void MultiplyTransposed(const float* a, const float* b, int64_t m,
                                  int64_t n, int64_t k, float* c) = 0;
  // c [m, n] = a [m, k] * b [k, n].
  virtual void Multiply(const float* a, const float* b, int64_t m, int64_t n,
                        int64_t k, float* c) = 0;
  // c [m, n] = a [k, m]^T * b [k, n].
  virtual void MultiplyTransposedLeft(const float* a, const float* b, int64_t m,
                                      int64_t n, int64_t k, float* c) = 0;

  // x[r, c] += bias[c].
  virtual void AddBias(const float* bias, int64_t rows, int64_t columns,
                       float* x) = 0;
  // The same, and out[r, c] = activation(x[r, c]).
  virtual void AddBiasAndActivate(Activation activation, const float* bias,
                                  int64_t rows, int64_t columns, float* x,
                                  float* out) = 0;
  // gradient[i] *= activation'(x[i]) for n elements; x as AddBiasAndActivate
  // left it.
  virtual void MultiplyByDerivative(Activation activation, const float* x,
                                    int64_t n, float* gradient) = 0;
  // sums[c] = sum over rows of x[r, c].
  virtual void SumRows(const float* x, int64_t rows, int64_t columns,
                       float* sums) = 0;

  // mask[i] = 0 with probability rate, else 1 / (1 - rate).
  virtual void FillDropoutMask(const CounterRandom& random, float rate,
                               int64_t n, float* mask) = 0;
  // x[i] *= factor[i].
  virtual void MultiplyInto(const float* factor, int64_t n, float* x) = 0;

  // See softmax_cross_entropy.h; TakeSums has the sums.
  virtual void SoftmaxLoss(const float* logits, const int32_t* labels,
                           int64_t rows, int64_t classes) = 0;
  virtual void SoftmaxGradient(const int32_t* labels, int64_t rows,
                               int64_t classes, float smoothing, float scale,
                               float* logits) = 0;
  // Of the last of these; waits until they are there.
  virtual SampleSums TakeSums() = 0;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_DENSE_H_
