#include "common/job/model_difference.h"

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/text_format.h"

namespace hawser {
namespace {

std::string ShapeOf(const TensorShape& tensor) {
  return absl::StrCat("[", absl::StrJoin(tensor.dimensions(), ", "), "]");
}

// The setting that a dimension of a tensor is.
std::string SettingOfDimension(const std::string& name, int dimension) {
  if (absl::StartsWith(name, "layers.")) return "model.mlp.layer_sizes";
  const bool is_row = dimension == 0;
  if (is_row && (name == "token_embedding.weight" || name == "head.weight")) {
    return "model.gpt.vocabulary";
  }
  if (is_row && name == "position_embedding.weight") return "model.gpt.context";
  if (is_row && absl::StrContains(name, ".attention.qkv.")) {
    return "model.gpt.key_value_heads";
  }
  if (absl::StrContains(name, ".feed_forward.up.") && is_row) {
    return "model.gpt.feed_forward_width (or model.gpt.feed_forward)";
  }
  if (absl::StrContains(name, ".feed_forward.down.") && !is_row) {
    return "model.gpt.feed_forward_width";
  }
  return "model.gpt.width";
}

// The setting that decides whether there is such a tensor.
std::string SettingOfPresence(const std::string& name) {
  if (absl::StartsWith(name, "layers.")) return "model.mlp.layer_sizes";
  if (name == "position_embedding.weight") return "model.gpt.positions";
  if (name == "head.weight") return "model.gpt.untied_head";
  if (absl::EndsWith(name, "norm.bias")) {
    return "model.gpt.normalisation and model.gpt.no_biases";
  }
  if (absl::EndsWith(name, ".bias")) return "model.gpt.no_biases";
  if (absl::StartsWith(name, "blocks.")) return "model.gpt.layers";
  return "model";
}

bool HasName(absl::Span<const TensorShape> tensors, const std::string& name) {
  return std::any_of(
      tensors.begin(), tensors.end(),
      [&](const TensorShape& tensor) { return tensor.name() == name; });
}

absl::Status Missing(const TensorShape& tensor) {
  return absl::FailedPreconditionError(absl::StrCat(
      "tensor ", tensor.name(), " is not there, the job's model has it as ",
      ShapeOf(tensor), "; change ", SettingOfPresence(tensor.name())));
}

absl::Status Extra(const TensorShape& tensor) {
  return absl::FailedPreconditionError(
      absl::StrCat("tensor ", tensor.name(), " is there as ", ShapeOf(tensor),
                   ", the job's model does not have it; change ",
                   SettingOfPresence(tensor.name())));
}

absl::Status CheckSameShape(const TensorShape& found,
                            const TensorShape& expected) {
  const auto different = [&](const std::string& setting) {
    return absl::FailedPreconditionError(
        absl::StrCat("tensor ", found.name(), " is ", ShapeOf(found),
                     " there, in the job's model it is ", ShapeOf(expected),
                     "; change ", setting));
  };
  if (found.dimensions_size() != expected.dimensions_size()) {
    return different("model");
  }
  for (int i = 0; i < found.dimensions_size(); ++i) {
    if (found.dimensions(i) != expected.dimensions(i)) {
      return different(SettingOfDimension(found.name(), i));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckSameTensors(absl::Span<const TensorShape> found,
                              absl::Span<const TensorShape> expected) {
  const size_t common = std::min(found.size(), expected.size());
  for (size_t i = 0; i < common; ++i) {
    if (found[i].name() != expected[i].name()) {
      return HasName(found, expected[i].name()) ? Extra(found[i])
                                                : Missing(expected[i]);
    }
    const absl::Status status = CheckSameShape(found[i], expected[i]);
    if (!status.ok()) return status;
  }
  if (expected.size() > common) return Missing(expected[common]);
  if (found.size() > common) return Extra(found[common]);
  return absl::OkStatus();
}

absl::Status CheckSameSettings(const GptSpec& found, const GptSpec& expected) {
  for (const char* name :
       {"heads", "key_value_heads", "normalisation", "positions",
        "feed_forward", "normalisation_epsilon", "rotary_base"}) {
    const auto* field = GptSpec::descriptor()->FindFieldByName(name);
    std::string there, here;
    google::protobuf::TextFormat::PrintFieldValueToString(found, field, -1,
                                                          &there);
    google::protobuf::TextFormat::PrintFieldValueToString(expected, field, -1,
                                                          &here);
    if (there != here) {
      return absl::FailedPreconditionError(absl::StrCat(
          "model.gpt.", name, " is ", here,
          " in the job, the parameters are for ", there, "; set it to that"));
    }
  }
  return absl::OkStatus();
}

}  // namespace hawser
