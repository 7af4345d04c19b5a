// GELU and SwiGLU on the CPU; see Lane::FeedForwardForward.
#ifndef HAWSER_WORKER_BACKEND_CPU_FEED_FORWARD_H_
#define HAWSER_WORKER_BACKEND_CPU_FEED_FORWARD_H_

#include "worker/backend/lane.h"

namespace hawser {

void CpuFeedForwardForward(FeedForward kind, Matrix x, Matrix y);
void CpuFeedForwardBackward(ConstMatrix dy, Matrix x);

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CPU_FEED_FORWARD_H_
