#include "worker/backend/cuda/cuda_dense.h"

#include <utility>

#include "glog/logging.h"
#include "worker/backend/cuda/cuda_views.h"
#include "worker/backend/cuda/element_kernels.h"
#include "worker/backend/softmax_cross_entropy.h"

namespace hawser {
namespace {

cuda::View<float> Whole(float* x, int64_t rows, int64_t columns) {
  return {x, rows, columns, columns};
}

cuda::Activated ActivatedBy(Activation activation) {
  return activation == GELU   ? cuda::Activated::kGelu
         : activation == TANH ? cuda::Activated::kTanh
                              : cuda::Activated::kRelu;
}

}  // namespace

void CudaDense::MultiplyTransposed(const float* a, const float* b, int64_t m,
                                   int64_t n, int64_t k, float* c) {
  lane_->Multiply({.transpose_b = true}, ConstMatrix(a, m, k),
                  ConstMatrix(b, n, k), Matrix(c, m, n));
}

void CudaDense::Multiply(const float* a, const float* b, int64_t m, int64_t n,
                         int64_t k, float* c) {
  lane_->Multiply({}, ConstMatrix(a, m, k), ConstMatrix(b, k, n),
                  Matrix(c, m, n));
}

void CudaDense::MultiplyTransposedLeft(const float* a, const float* b,
                                       int64_t m, int64_t n, int64_t k,
                                       float* c) {
  lane_->Multiply({.transpose_a = true}, ConstMatrix(a, k, m),
                  ConstMatrix(b, k, n), Matrix(c, m, n));
}

void CudaDense::AddBias(const float* bias, int64_t rows, int64_t columns,
                        float* x) {
  if (!device_->ok()) return;
  device_->Check(cuda::SetToBias(bias, /*add=*/true, Whole(x, rows, columns),
                                 device_->compute()),
                 "AddBias");
}

void CudaDense::AddBiasAndActivate(Activation activation, const float* bias,
                                   int64_t rows, int64_t columns, float* x,
                                   float* out) {
  if (!device_->ok()) return;
  device_->Check(
      cuda::Activate(ActivatedBy(activation), bias, Whole(x, rows, columns),
                     Whole(out, rows, columns), device_->compute()),
      "AddBiasAndActivate");
}

void CudaDense::MultiplyByDerivative(Activation activation, const float* x,
                                     int64_t n, float* gradient) {
  if (!device_->ok()) return;
  device_->Check(cuda::MultiplyBySlope(ActivatedBy(activation), n, x, gradient,
                                       device_->compute()),
                 "MultiplyByDerivative");
}

void CudaDense::SumRows(const float* x, int64_t rows, int64_t columns,
                        float* sums) {
  lane_->SumRows(ConstMatrix(x, rows, columns), sums);
}

void CudaDense::FillDropoutMask(const CounterRandom& random, float rate,
                                int64_t n, float* mask) {
  if (!device_->ok()) return;
  device_->Check(
      cuda::FillMask(DropsOf({rate, random, 0}), n, mask, device_->compute()),
      "FillDropoutMask");
}

void CudaDense::MultiplyInto(const float* factor, int64_t n, float* x) {
  if (!device_->ok()) return;
  device_->Check(cuda::MultiplyInto(factor, n, x, device_->compute()),
                 "MultiplyInto");
}

// Without a gradient the logits stay as they are.
void CudaDense::SoftmaxLoss(const float* logits, const int32_t* labels,
                            int64_t rows, int64_t classes) {
  Softmax(labels, Whole(const_cast<float*>(logits), rows, classes),
          /*with_gradient=*/false, 0, 0);
}

void CudaDense::SoftmaxGradient(const int32_t* labels, int64_t rows,
                                int64_t classes, float smoothing, float scale,
                                float* logits) {
  Softmax(labels, Whole(logits, rows, classes), /*with_gradient=*/true,
          smoothing, scale);
}

void CudaDense::Softmax(const int32_t* labels, cuda::View<float> logits,
                        bool with_gradient, float smoothing, float scale) {
  const auto bytes = [](int64_t rows) {
    return rows * static_cast<int64_t>(sizeof(cuda::RowLoss));
  };
  if (losses_capacity_ < logits.rows && device_->ok()) {
    auto grown = device_->Allocate(bytes(logits.rows));
    if (!grown.ok()) {
      device_->Check(cudaErrorMemoryAllocation, "memory for losses");
      return;
    }
    losses_ = *std::move(grown);
    losses_capacity_ = logits.rows;
    pinned_.reset();
    fetched_.resize(static_cast<size_t>(logits.rows));
    pinned_ = device_->Pin(fetched_.data(), bytes(logits.rows));
  }
  rows_ = device_->ok() ? logits.rows : 0;
  auto* losses = static_cast<cuda::RowLoss*>(losses_.get());
  if (device_->ok()) {
    device_->Check(cuda::SoftmaxLosses(labels, logits, with_gradient, smoothing,
                                       scale, losses, device_->compute()),
                   "Softmax");
  }
  fetch_ = device_->CopyOut(losses, bytes(logits.rows), fetched_.data());
}

SampleSums CudaDense::TakeSums() {
  device_->Await(fetch_);
  SampleSums sums;
  for (int64_t r = 0; r < rows_; ++r) {
    const cuda::RowLoss& row = fetched_[static_cast<size_t>(r)];
    AddSampleLoss(row.loss, row.is_correct != 0, &sums);
  }
  return sums;
}

}  // namespace hawser
