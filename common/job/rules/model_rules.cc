#include "common/job/rules/model_rules.h"

#include "common/job/model_layout.h"
#include "common/job/rules/checks.h"
#include "common/job/rules/gpt_rules.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

constexpr uint32_t kMaxLayerSize = 1 << 20;

absl::Status CompleteMlp(MlpSpec* mlp) {
  if (mlp->layer_sizes_size() < 2 || mlp->layer_sizes_size() > 64) {
    return Broken(
        "model.mlp.layer_sizes has ", mlp->layer_sizes_size(),
        " entries; it must have 2 to 64 (input, hidden ones, output)");
  }
  for (const uint32_t size : mlp->layer_sizes()) {
    if (size < 1 || size > kMaxLayerSize) {
      return Broken("model.mlp.layer_sizes has an entry ", size,
                    "; each must be 1 to ", kMaxLayerSize);
    }
  }
  RETURN_IF_ERROR(CheckEnum("model.mlp.activation",
                            Activation_IsValid(mlp->activation()),
                            mlp->activation()));
  RETURN_IF_ERROR(CheckEnum("model.mlp.initialisation",
                            WeightInitialisation_IsValid(mlp->initialisation()),
                            mlp->initialisation()));
  if (mlp->activation() == ACTIVATION_UNSPECIFIED) mlp->set_activation(RELU);
  if (mlp->initialisation() == WEIGHT_INITIALISATION_UNSPECIFIED) {
    mlp->set_initialisation(FAN_IN_UNIFORM);
  }
  RETURN_IF_ERROR(CheckRange("model.mlp.dropout", mlp->dropout(), 0, 1));
  RETURN_IF_ERROR(
      CheckRange("model.mlp.input_dropout", mlp->input_dropout(), 0, 1));
  return CheckRange("model.mlp.label_smoothing", mlp->label_smoothing(), 0, 1);
}

}  // namespace

absl::Status CompleteModel(ModelSpec* model) {
  if (model->has_mlp()) {
    RETURN_IF_ERROR(CompleteMlp(model->mutable_mlp()));
  } else if (model->has_gpt()) {
    RETURN_IF_ERROR(CompleteGpt(model->mutable_gpt()));
  } else {
    return Broken(
        "model is not set; use model { gpt { } } or model { mlp { } }");
  }
  return LayoutOf(*model).status();
}

}  // namespace hawser
