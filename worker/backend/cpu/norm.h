// Layer norm and RMS norm on the CPU; see Lane::NormForward, NormBackward.
#ifndef HAWSER_WORKER_BACKEND_CPU_NORM_H_
#define HAWSER_WORKER_BACKEND_CPU_NORM_H_

#include "worker/backend/lane.h"

namespace hawser {

void CpuNormForward(const Norm& norm, ConstMatrix x, Matrix y,
                    float* statistics);
void CpuNormBackward(const Norm& norm, ConstMatrix x, const float* statistics,
                     ConstMatrix dy, ConstMatrix residual, Matrix dx,
                     float* dweight, float* dbias);

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CPU_NORM_H_
