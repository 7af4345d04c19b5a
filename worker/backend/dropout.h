// Dropout (Srivastava et al., 2014), inverted: what is kept is scaled by
// 1 / (1 - rate). The mask is a function of (seed, step, micro-batch, layer)
// and the element alone.
#ifndef HAWSER_WORKER_BACKEND_DROPOUT_H_
#define HAWSER_WORKER_BACKEND_DROPOUT_H_

#include <cstdint>

#include "common/counter_random.h"

namespace hawser {

// mask[i] = 0 with probability rate, else 1 / (1 - rate).
void FillDropoutMask(const CounterRandom& random, float rate, int64_t n,
                     float* mask);

// x[i] *= factor[i].
void MultiplyInto(const float* factor, int64_t n, float* x);

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_DROPOUT_H_
