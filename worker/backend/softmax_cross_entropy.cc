#include "worker/backend/softmax_cross_entropy.h"

#include <algorithm>
#include <cmath>

#include "common/simd.h"
#include "worker/backend/exponential.h"

namespace hawser {
namespace {

// A loss beyond this (or not a number) counts as this: 10^9 samples of it still
// fit a 64-bit sum.
constexpr double kMostNanonats = 1e12;  // 1000 nats

// exponentials may be logits.
HAWSER_SIMD
float ExponentialsOf(const float* logits, int64_t n, float largest,
                     float* exponentials) {
  for (int64_t i = 0; i < n; ++i)
    exponentials[i] = FastExp(logits[i] - largest);
  float sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += exponentials[i];
  return sum;
}

HAWSER_SIMD
void ToGradient(int64_t n, float probability_scale, float spread,
                float* exponentials) {
  for (int64_t i = 0; i < n; ++i) {
    exponentials[i] = exponentials[i] * probability_scale - spread;
  }
}

int64_t ArgMax(const float* x, int64_t n) {
  return std::max_element(x, x + n) - x;
}

}  // namespace

void AddSampleLoss(double loss, bool correct, SampleSums* sums) {
  const double nanonats = std::round(1e9 * loss);
  // Not a number fails every comparison.
  sums->loss_nanonats += nanonats < kMostNanonats
                             ? static_cast<int64_t>(nanonats)
                             : static_cast<int64_t>(kMostNanonats);
  sums->correct += correct ? 1 : 0;
  sums->samples += 1;
}

SampleSums SoftmaxLoss(const float* logits, const int32_t* labels, int64_t rows,
                       int64_t classes) {
  SampleSums sums;
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = logits + r * classes;
    const int64_t best = ArgMax(row, classes);
    double sum = 0;
    for (int64_t c = 0; c < classes; ++c) {
      sum += std::exp(static_cast<double>(row[c]) - row[best]);
    }
    AddSampleLoss(std::log(sum) + row[best] - row[labels[r]], best == labels[r],
                  &sums);
  }
  return sums;
}

SampleSums SoftmaxGradient(const int32_t* labels, int64_t rows, int64_t classes,
                           float smoothing, float scale, float* logits) {
  SampleSums sums;
  const float spread = scale * smoothing / static_cast<float>(classes);
  for (int64_t r = 0; r < rows; ++r) {
    float* row = logits + r * classes;
    const int64_t best = ArgMax(row, classes);
    const float largest = row[best];
    const float label_logit = row[labels[r]];
    const float sum = ExponentialsOf(row, classes, largest, row);
    AddSampleLoss(std::log(static_cast<double>(sum)) + largest - label_logit,
                  best == labels[r], &sums);
    ToGradient(classes, scale / sum, spread, row);
    row[labels[r]] -= scale * (1 - smoothing);
  }
  return sums;
}

}  // namespace hawser
