// Conversions, sums of rows, residual additions and dropout on the CPU; see
// lane.h.
#ifndef HAWSER_WORKER_BACKEND_CPU_ELEMENT_WISE_H_
#define HAWSER_WORKER_BACKEND_CPU_ELEMENT_WISE_H_

#include "worker/backend/lane.h"

namespace hawser {

void CpuSumRows(ConstMatrix x, float* sums);
void CpuConvert(ConstMatrix x, Matrix y);
void CpuFill(float value, Matrix x);
void CpuAddDropped(const Dropout& dropout, ConstMatrix x, ConstMatrix z,
                   Matrix y);
void CpuDrop(const Dropout& dropout, ConstMatrix dy, Matrix dz);

// The factors, 0 or 1 / (1 - rate), of elements [first, first + n) of the
// dropout's stream.
void DropoutFactors(const Dropout& dropout, int64_t first, int64_t n,
                    float* factors);

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CPU_ELEMENT_WISE_H_
