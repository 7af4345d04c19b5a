#include "common/job/model_layout.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/job/gpt_layout.h"
#include "common/job/layout_builder.h"

namespace hawser {

void AddTensor(const std::string& name, std::vector<uint64_t> dimensions,
               const Initialiser& initialiser, ModelLayout* layout) {
  TensorShape tensor;
  tensor.set_name(name);
  uint64_t elements = 1;
  for (const uint64_t dimension : dimensions) {
    tensor.add_dimensions(dimension);
    elements *= dimension;
  }
  tensor.set_offset(layout->parameters);
  tensor.set_layer(static_cast<uint32_t>(layout->layers.size() - 1));
  *tensor.mutable_initialiser() = initialiser;
  layout->tensors.push_back(tensor);
  layout->parameters += elements;
  LayerShape& layer = layout->layers.back();
  layer.set_elements(layer.elements() + elements);
}

void StartLayer(const std::string& name, ModelLayout* layout) {
  LayerShape layer;
  layer.set_name(name);
  layer.set_offset(layout->parameters);
  layout->layers.push_back(layer);
}

namespace {

struct LinearInitialisers {
  Initialiser weight;
  Initialiser bias;
};

LinearInitialisers InitialisersOf(WeightInitialisation kind, double inputs,
                                  double outputs) {
  LinearInitialisers result;
  result.bias.set_constant(0);
  switch (kind) {
    case GLOROT_UNIFORM:
      result.weight.set_uniform_bound(std::sqrt(6 / (inputs + outputs)));
      break;
    case HE_NORMAL:
      result.weight.set_normal_deviation(std::sqrt(2 / inputs));
      break;
    default:  // FAN_IN_UNIFORM
      result.weight.set_uniform_bound(1 / std::sqrt(inputs));
      result.bias.set_uniform_bound(1 / std::sqrt(inputs));
  }
  return result;
}

absl::StatusOr<ModelLayout> LayoutOfMlp(const MlpSpec& mlp) {
  ModelLayout layout;
  for (int k = 0; k + 1 < mlp.layer_sizes_size(); ++k) {
    const uint64_t inputs = mlp.layer_sizes(k);
    const uint64_t outputs = mlp.layer_sizes(k + 1);
    const LinearInitialisers initialisers =
        InitialisersOf(mlp.initialisation(), static_cast<double>(inputs),
                       static_cast<double>(outputs));
    const std::string name = absl::StrCat("layers.", k);
    StartLayer(name, &layout);
    AddTensor(name + ".weight", {outputs, inputs}, initialisers.weight,
              &layout);
    AddTensor(name + ".bias", {outputs}, initialisers.bias, &layout);
    if (layout.parameters > kMaxParameters) {
      return absl::InvalidArgumentError(
          absl::StrCat("model.mlp.layer_sizes make more than ", kMaxParameters,
                       " parameters; use smaller layers"));
    }
  }
  return layout;
}

}  // namespace

absl::StatusOr<ModelLayout> LayoutOf(const ModelSpec& model) {
  switch (model.architecture_case()) {
    case ModelSpec::kMlp:
      return LayoutOfMlp(model.mlp());
    case ModelSpec::kGpt:
      return LayoutOfGpt(model.gpt());
    case ModelSpec::ARCHITECTURE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      "model is not set; use model { gpt { } } or model { mlp { } }");
}

}  // namespace hawser
