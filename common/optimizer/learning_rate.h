// The learning rate of each step: a linear warm-up, then constant, cosine
// (Loshchilov and Hutter, 2017) or step decay.
#ifndef HAWSER_COMMON_OPTIMIZER_LEARNING_RATE_H_
#define HAWSER_COMMON_OPTIMIZER_LEARNING_RATE_H_

#include <cstdint>

#include "proto/job.pb.h"

namespace hawser {

// The rate of step `step` (0-based) of `total_steps`. Warm-up: step s < W has
// base * (s + 1) / W. Cosine runs from the end of the warm-up to the last step.
// Step decay counts from step 0, but acts only after the warm-up.
// complete: a completed spec.
double LearningRateAt(const LearningRateSpec& complete, uint64_t step,
                      uint64_t total_steps, uint64_t steps_per_epoch);

// The factor of the rate for an update with `share`, in (0, 1], of a step's
// samples: the share itself for SGD (Goyal et al., 2017), its square root for
// optimizers that divide by the gradient's size (Malladi et al., 2022).
double RateForShare(const OptimizerSpec& optimizer, double share);

}  // namespace hawser

#endif  // HAWSER_COMMON_OPTIMIZER_LEARNING_RATE_H_
