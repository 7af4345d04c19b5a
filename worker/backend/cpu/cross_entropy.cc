#include "worker/backend/cpu/cross_entropy.h"

#include <cmath>

#include "common/simd.h"
#include "worker/backend/cpu/elements.h"
#include "worker/backend/exponential.h"

namespace hawser {
namespace {

struct Softmax {
  float largest;
  float sum;  // of exp(x - largest)
};

HAWSER_SIMD
Softmax SoftmaxOf(const float* x, int64_t n) {
  const float largest = LargestOf(n, x);
  const float sum =
      SumOver(n, [&](int64_t c) { return FastExp(x[c] - largest); });
  return {largest, sum};
}

template <typename T>
HAWSER_INLINE void GradientRow(const float* x, int64_t n, float largest,
                               float factor, T* dx) {
#pragma GCC ivdep
  for (int64_t c = 0; c < n; ++c) {
    Store(FastExp(x[c] - largest) * factor, dx + c);
  }
}

HAWSER_SIMD
void GradientFloat(const float* x, int64_t n, float largest, float factor,
                   float* dx) {
  GradientRow(x, n, largest, factor, dx);
}

HAWSER_SIMD
void GradientBfloat(const float* x, int64_t n, float largest, float factor,
                    Bfloat16* dx) {
  GradientRow(x, n, largest, factor, dx);
}

float LossOf(const Softmax& softmax, float label_logit) {
  return std::log(softmax.sum) + (softmax.largest - label_logit);
}

}  // namespace

void CpuCrossEntropyForward(absl::Span<const int32_t> labels,
                            ConstMatrix logits, float* losses) {
  CHECK_EQ(logits.rows(), static_cast<int64_t>(labels.size()));
  for (int64_t r = 0; r < logits.rows(); ++r) {
    const auto* row = logits.Row<float>(r);
    losses[r] = LossOf(SoftmaxOf(row, logits.columns()),
                       row[labels[static_cast<size_t>(r)]]);
  }
}

void CpuCrossEntropyBackward(absl::Span<const int32_t> labels,
                             ConstMatrix logits, float scale, float* losses,
                             Matrix dlogits) {
  const int64_t n = logits.columns();
  CHECK_EQ(logits.rows(), static_cast<int64_t>(labels.size()));
  CHECK_EQ(logits.rows(), dlogits.rows());
  CHECK_EQ(n, dlogits.columns());
  for (int64_t r = 0; r < logits.rows(); ++r) {
    const auto* row = logits.Row<float>(r);
    const int32_t label = labels[static_cast<size_t>(r)];
    const Softmax softmax = SoftmaxOf(row, n);
    const float label_logit = row[label];
    losses[r] = LossOf(softmax, label_logit);
    const float factor = scale / softmax.sum;
    const float at_label =
        FastExp(label_logit - softmax.largest) * factor - scale;
    if (dlogits.element() == Element::kFloat32) {
      auto* out = dlogits.Row<float>(r);
      GradientFloat(row, n, softmax.largest, factor, out);
      Store(at_label, out + label);
    } else {
      auto* out = dlogits.Row<Bfloat16>(r);
      GradientBfloat(row, n, softmax.largest, factor, out);
      Store(at_label, out + label);
    }
  }
}

}  // namespace hawser
