// Softmax and cross-entropy in one pass over the logits.
#ifndef HAWSER_WORKER_BACKEND_SOFTMAX_CROSS_ENTROPY_H_
#define HAWSER_WORKER_BACKEND_SOFTMAX_CROSS_ENTROPY_H_

#include <cstdint>

#include "common/metrics.h"

namespace hawser {

// logits: [rows, classes]; labels: [rows], each below classes. Returns the sums
// of loss (natural logarithm, against the label alone) and correct predictions
// (the first of the largest logits). With smoothing s the target of class c is
// (1 - s) [c == label] + s / classes.
//
// SoftmaxGradient overwrites the logits by scale * d(sum of losses)/d(logits),
// the losses being those against the smoothed target.
SampleSums SoftmaxLoss(const float* logits, const int32_t* labels, int64_t rows,
                       int64_t classes);
SampleSums SoftmaxGradient(const int32_t* labels, int64_t rows, int64_t classes,
                           float smoothing, float scale, float* logits);

// Adds a sample's loss, in nats, whatever number it is.
void AddSampleLoss(double loss, bool correct, SampleSums* sums);

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_SOFTMAX_CROSS_ENTROPY_H_
