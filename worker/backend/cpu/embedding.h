// Embeddings on the CPU; see Lane::EmbedForward.
#ifndef HAWSER_WORKER_BACKEND_CPU_EMBEDDING_H_
#define HAWSER_WORKER_BACKEND_CPU_EMBEDDING_H_

#include "worker/backend/lane.h"

namespace hawser {

void CpuEmbedForward(absl::Span<const int32_t> tokens, ConstMatrix weight,
                     ConstMatrix positions, int64_t first_position, Matrix x);
void CpuEmbedBackward(absl::Span<const int32_t> tokens, ConstMatrix dx,
                      Matrix dweight);
void CpuPositionsBackward(ConstMatrix dx, int64_t context, int64_t first,
                          Matrix dpositions);

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CPU_EMBEDDING_H_
