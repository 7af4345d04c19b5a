#include "common/job/gpt_layout.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/job/layout_builder.h"

namespace hawser {
namespace {

// GPT-2's: weights N(0, 0.02), those that write to the residual stream smaller
// by the root of how many of them there are.
constexpr double kDeviation = 0.02;

Initialiser Normal(double deviation) {
  Initialiser initialiser;
  initialiser.set_normal_deviation(deviation);
  return initialiser;
}

Initialiser Constant(double value) {
  Initialiser initialiser;
  initialiser.set_constant(value);
  return initialiser;
}

class Builder {
 public:
  explicit Builder(const GptSpec& gpt) : gpt_(gpt) {}

  void Norm(const std::string& name) {
    AddTensor(name + ".weight", {gpt_.width()}, Constant(1), &layout_);
    if (gpt_.no_biases() || gpt_.normalisation() == RMS_NORM) return;
    AddTensor(name + ".bias", {gpt_.width()}, Constant(0), &layout_);
  }

  void Linear(const std::string& name, uint64_t outputs, uint64_t inputs,
              double deviation) {
    AddTensor(name + ".weight", {outputs, inputs}, Normal(deviation), &layout_);
    if (gpt_.no_biases()) return;
    AddTensor(name + ".bias", {outputs}, Constant(0), &layout_);
  }

  void Embedding() {
    StartLayer("embedding", &layout_);
    AddTensor("token_embedding.weight", {gpt_.vocabulary(), gpt_.width()},
              Normal(kDeviation), &layout_);
    if (gpt_.positions() != LEARNED) return;
    AddTensor("position_embedding.weight", {gpt_.context(), gpt_.width()},
              Normal(kDeviation), &layout_);
  }

  void Block(uint32_t k) {
    const std::string name = absl::StrCat("blocks.", k);
    const uint64_t width = gpt_.width();
    const uint64_t heads = gpt_.heads() + 2 * uint64_t{gpt_.key_value_heads()};
    const uint64_t inner = gpt_.feed_forward_width();
    const uint64_t up =
        gpt_.feed_forward() == FEED_FORWARD_SWIGLU ? 2 * inner : inner;
    const double residual = kDeviation / std::sqrt(2.0 * gpt_.layers());
    StartLayer(name, &layout_);
    Norm(name + ".attention_norm");
    Linear(name + ".attention.qkv", heads * (width / gpt_.heads()), width,
           kDeviation);
    Linear(name + ".attention.output", width, width, residual);
    Norm(name + ".feed_forward_norm");
    Linear(name + ".feed_forward.up", up, width, kDeviation);
    Linear(name + ".feed_forward.down", width, inner, residual);
  }

  void Head() {
    StartLayer("head", &layout_);
    Norm("final_norm");
    if (!gpt_.untied_head()) return;
    AddTensor("head.weight", {gpt_.vocabulary(), gpt_.width()},
              Normal(kDeviation), &layout_);
  }

  ModelLayout layout_;

 private:
  const GptSpec& gpt_;
};

}  // namespace

absl::StatusOr<ModelLayout> LayoutOfGpt(const GptSpec& gpt) {
  Builder builder(gpt);
  builder.Embedding();
  for (uint32_t k = 0; k < gpt.layers(); ++k) {
    builder.Block(k);
    if (builder.layout_.parameters > kMaxParameters) {
      return absl::InvalidArgumentError(
          absl::StrCat("model.gpt has more than ", kMaxParameters,
                       " parameters; use fewer layers or a smaller width"));
    }
  }
  builder.Head();
  return builder.layout_;
}

}  // namespace hawser
