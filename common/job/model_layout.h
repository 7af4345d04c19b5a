// Which tensors a model has: names, shapes, layers and initial values.
// Scheduler (placement), servers (initialisation), workers (compute) and export
// agree on it because it is a function of the ModelSpec alone.
#ifndef HAWSER_COMMON_JOB_MODEL_LAYOUT_H_
#define HAWSER_COMMON_JOB_MODEL_LAYOUT_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/job.pb.h"
#include "proto/plan.pb.h"

namespace hawser {

// Layers and tensors in the order of the parameter vector, without gaps.
// MLP: layer "layers.K" with tensors "layers.K.weight" [outputs, inputs] and
// "layers.K.bias" [outputs], K from 0. GPT: see gpt_layout.h.
struct ModelLayout {
  uint64_t parameters = 0;
  std::vector<LayerShape> layers;
  std::vector<TensorShape> tensors;
};

// INVALID_ARGUMENT: an impossible shape; the message says which.
absl::StatusOr<ModelLayout> LayoutOf(const ModelSpec& model);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_MODEL_LAYOUT_H_
