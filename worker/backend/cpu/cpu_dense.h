// A pool of the CPU's threads, for multi-layer perceptrons; see dense.h.
#ifndef HAWSER_WORKER_BACKEND_CPU_CPU_DENSE_H_
#define HAWSER_WORKER_BACKEND_CPU_CPU_DENSE_H_

#include "worker/backend/activation.h"
#include "worker/backend/dense.h"
#include "worker/backend/dropout.h"
#include "worker/backend/gemm.h"
#include "worker/backend/softmax_cross_entropy.h"

namespace hawser {

class CpuDense : public Dense {
 public:
  // pool outlives it.
  explicit CpuDense(ThreadPool* pool) : gemm_(pool) {}

  void MultiplyTransposed(const float* a, const float* b, int64_t m, int64_t n,
                          int64_t k, float* c) override {
    gemm_.MultiplyTransposed(a, b, m, n, k, c);
  }
  void Multiply(const float* a, const float* b, int64_t m, int64_t n, int64_t k,
                float* c) override {
    gemm_.Multiply(a, b, m, n, k, c);
  }
  void MultiplyTransposedLeft(const float* a, const float* b, int64_t m,
                              int64_t n, int64_t k, float* c) override {
    gemm_.MultiplyTransposedLeft(a, b, m, n, k, c);
  }
  void AddBias(const float* bias, int64_t rows, int64_t columns,
               float* x) override {
    hawser::AddBias(bias, rows, columns, x);
  }
  void AddBiasAndActivate(Activation activation, const float* bias,
                          int64_t rows, int64_t columns, float* x,
                          float* out) override {
    hawser::AddBiasAndActivate(activation, bias, rows, columns, x, out);
  }
  void MultiplyByDerivative(Activation activation, const float* x, int64_t n,
                            float* gradient) override {
    hawser::MultiplyByDerivative(activation, x, n, gradient);
  }
  void SumRows(const float* x, int64_t rows, int64_t columns,
               float* sums) override {
    hawser::SumRows(x, rows, columns, sums);
  }
  void FillDropoutMask(const CounterRandom& random, float rate, int64_t n,
                       float* mask) override {
    hawser::FillDropoutMask(random, rate, n, mask);
  }
  void MultiplyInto(const float* factor, int64_t n, float* x) override {
    hawser::MultiplyInto(factor, n, x);
  }
  void SoftmaxLoss(const float* logits, const int32_t* labels, int64_t rows,
                   int64_t classes) override {
    sums_ = hawser::SoftmaxLoss(logits, labels, rows, classes);
  }
  void SoftmaxGradient(const int32_t* labels, int64_t rows, int64_t classes,
                       float smoothing, float scale, float* logits) override {
    sums_ = hawser::SoftmaxGradient(labels, rows, classes, smoothing, scale,
                                    logits);
  }
  SampleSums TakeSums() override { return sums_; }

 private:
  Gemm gemm_;
  SampleSums sums_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CPU_CPU_DENSE_H_
