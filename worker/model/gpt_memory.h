// How much memory a GPT takes of what computes it, told without making it; and
// what to say where there is not so much.
#ifndef HAWSER_WORKER_MODEL_GPT_MEMORY_H_
#define HAWSER_WORKER_MODEL_GPT_MEMORY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "proto/job.pb.h"
#include "worker/backend/backend.h"

namespace hawser {

// On the CPU, in bytes; see ModelBytes.
int64_t GptBytes(const ModelSpec& spec, int64_t max_batch, int threads);

// On a backend that does not work on the host's memory, in bytes: buffers,
// copies of parameters, gradient and text, and the lanes' working memory.
// spec: completed; parameters: elements of its vector.
int64_t GptDeviceBytes(const GptSpec& spec, int64_t parameters, int64_t samples,
                       const Backend& backend);

// Makes the error of an allocation, `short_of`, one that says how much the
// model needs and what would fit in `available` bytes.
absl::Status GptDoesNotFit(const absl::Status& short_of, const GptSpec& spec,
                           int64_t parameters, int64_t samples,
                           int64_t available, const Backend& backend);

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_GPT_MEMORY_H_
