// The decoder-only transformer of GptSpec, GPT-2's by default, on any backend.
#ifndef HAWSER_WORKER_MODEL_GPT_H_
#define HAWSER_WORKER_MODEL_GPT_H_

#include <memory>

#include "worker/model/model.h"

namespace hawser {

// FAILED_PRECONDITION: the backend cannot compute with the spec's precision or
// heads. RESOURCE_EXHAUSTED: it has too little memory, and what needs less.
absl::StatusOr<std::unique_ptr<Model>> MakeGpt(
    const ModelSpec& spec, int64_t max_batch, std::unique_ptr<Backend> backend);

// See ModelBytes.
}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_GPT_H_
