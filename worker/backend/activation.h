// Activations, applied to whole rows after the bias, and their derivatives.
// Vectorised; bits do not depend on the vector width.
#ifndef HAWSER_WORKER_BACKEND_ACTIVATION_H_
#define HAWSER_WORKER_BACKEND_ACTIVATION_H_

#include <cstdint>

#include "proto/job.pb.h"

namespace hawser {

// x[r, c] += bias[c], and out[r, c] = activation(x[r, c]), in one pass.
void AddBiasAndActivate(Activation activation, const float* bias, int64_t rows,
                        int64_t columns, float* x, float* out);

// gradient[i] *= activation'(x[i]) for n elements; x as AddBiasAndActivate left
// it: with the bias, before the activation.
void MultiplyByDerivative(Activation activation, const float* x, int64_t n,
                          float* gradient);

// x[r, c] += bias[c].
void AddBias(const float* bias, int64_t rows, int64_t columns, float* x);

// sums[c] = sum over rows of x[r, c], rows in order.
void SumRows(const float* x, int64_t rows, int64_t columns, float* sums);

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_ACTIVATION_H_
