// A GPU for multi-layer perceptrons; see dense.h.
#ifndef HAWSER_WORKER_BACKEND_CUDA_CUDA_DENSE_H_
#define HAWSER_WORKER_BACKEND_CUDA_CUDA_DENSE_H_

#include <vector>

#include "worker/backend/cuda/cuda_device.h"
#include "worker/backend/cuda/cuda_lane.h"
#include "worker/backend/cuda/dense_kernels.h"
#include "worker/backend/dense.h"

namespace hawser {

class CudaDense : public Dense {
 public:
  // Both outlive it.
  CudaDense(CudaDevice* device, CudaLane* lane)
      : device_(device), lane_(lane) {}

  void MultiplyTransposed(const float* a, const float* b, int64_t m, int64_t n,
                          int64_t k, float* c) override;
  void Multiply(const float* a, const float* b, int64_t m, int64_t n, int64_t k,
                float* c) override;
  void MultiplyTransposedLeft(const float* a, const float* b, int64_t m,
                              int64_t n, int64_t k, float* c) override;
  void AddBias(const float* bias, int64_t rows, int64_t columns,
               float* x) override;
  void AddBiasAndActivate(Activation activation, const float* bias,
                          int64_t rows, int64_t columns, float* x,
                          float* out) override;
  void MultiplyByDerivative(Activation activation, const float* x, int64_t n,
                            float* gradient) override;
  void SumRows(const float* x, int64_t rows, int64_t columns,
               float* sums) override;
  void FillDropoutMask(const CounterRandom& random, float rate, int64_t n,
                       float* mask) override;
  void MultiplyInto(const float* factor, int64_t n, float* x) override;
  void SoftmaxLoss(const float* logits, const int32_t* labels, int64_t rows,
                   int64_t classes) override;
  void SoftmaxGradient(const int32_t* labels, int64_t rows, int64_t classes,
                       float smoothing, float scale, float* logits) override;
  SampleSums TakeSums() override;

 private:
  void Softmax(const int32_t* labels, cuda::View<float> logits,
               bool with_gradient, float smoothing, float scale);

  CudaDevice* const device_;
  CudaLane* const lane_;
  BackendMemory losses_;  // [losses_capacity_]
  int64_t losses_capacity_ = 0;
  std::vector<cuda::RowLoss> fetched_;
  std::shared_ptr<void> pinned_;  // of fetched_
  int64_t rows_ = 0;              // that are fetched
  int64_t fetch_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CUDA_CUDA_DENSE_H_
