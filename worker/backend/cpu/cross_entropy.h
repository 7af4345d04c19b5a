// Softmax and cross-entropy on the CPU; see Lane::CrossEntropyBackward.
#ifndef HAWSER_WORKER_BACKEND_CPU_CROSS_ENTROPY_H_
#define HAWSER_WORKER_BACKEND_CPU_CROSS_ENTROPY_H_

#include "worker/backend/lane.h"

namespace hawser {

void CpuCrossEntropyForward(absl::Span<const int32_t> labels,
                            ConstMatrix logits, float* losses);
void CpuCrossEntropyBackward(absl::Span<const int32_t> labels,
                             ConstMatrix logits, float scale, float* losses,
                             Matrix dlogits);

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CPU_CROSS_ENTROPY_H_
