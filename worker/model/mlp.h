// The multi-layer perceptron of any depth and width: linear layers, an
// activation and dropout between them, softmax cross-entropy at the end.
#ifndef HAWSER_WORKER_MODEL_MLP_H_
#define HAWSER_WORKER_MODEL_MLP_H_

#include <memory>

#include "worker/model/model.h"

namespace hawser {

// RESOURCE_EXHAUSTED: the backend has too little memory.
absl::StatusOr<std::unique_ptr<Model>> MakeMlp(
    const ModelSpec& spec, int64_t max_batch, std::unique_ptr<Backend> backend);

// See ModelBytes.
int64_t MlpBytes(const ModelSpec& spec, int64_t max_batch);

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_MLP_H_
