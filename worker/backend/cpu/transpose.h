// Transposing on the CPU; see Lane::Transpose.
#ifndef HAWSER_WORKER_BACKEND_CPU_TRANSPOSE_H_
#define HAWSER_WORKER_BACKEND_CPU_TRANSPOSE_H_

#include "worker/backend/lane.h"

namespace hawser {

void CpuTranspose(ConstMatrix x, Matrix y);

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CPU_TRANSPOSE_H_
