// Small GPTs of every kind, for tests.
#ifndef HAWSER_WORKER_MODEL_GPT_CASES_H_
#define HAWSER_WORKER_MODEL_GPT_CASES_H_

#include <random>
#include <string>
#include <vector>

#include "common/job/model_layout.h"
#include "glog/logging.h"
#include "proto/job.pb.h"
#include "worker/data/batch.h"

namespace hawser {

struct GptCase {
  std::string name;
  ModelSpec model;  // completed
  int64_t samples = 1;
};

inline GptCase Gpt2Case(const std::string& name, uint32_t context,
                        int64_t samples) {
  GptCase made{name, ModelSpec(), samples};
  GptSpec* gpt = made.model.mutable_gpt();
  gpt->set_vocabulary(19);
  gpt->set_context(context);
  gpt->set_layers(2);
  gpt->set_heads(2);
  gpt->set_width(16);
  gpt->set_feed_forward_width(64);
  gpt->set_key_value_heads(2);
  gpt->set_normalisation(LAYER_NORM);
  gpt->set_positions(LEARNED);
  gpt->set_feed_forward(FEED_FORWARD_GELU);
  gpt->set_normalisation_epsilon(1e-5);
  gpt->set_precision(FLOAT32);
  return made;
}

inline GptCase LlamaCase(const std::string& name, uint32_t context,
                         int64_t samples) {
  GptCase made = Gpt2Case(name, context, samples);
  GptSpec* gpt = made.model.mutable_gpt();
  gpt->set_heads(4);
  gpt->set_feed_forward_width(32);
  gpt->set_normalisation(RMS_NORM);
  gpt->set_positions(ROTARY);
  gpt->set_rotary_base(10000);
  gpt->set_feed_forward(FEED_FORWARD_SWIGLU);
  gpt->set_no_biases(true);
  gpt->set_untied_head(true);
  return made;
}

// Each setting alone, and several at once.
inline std::vector<GptCase> GptCases() {
  std::vector<GptCase> cases;
  const auto add = [&](const GptCase& base) {
    cases.push_back(base);
    return cases.back().model.mutable_gpt();
  };
  add(Gpt2Case("gpt2", 7, 3));
  add(LlamaCase("llama", 7, 3));
  add(Gpt2Case("one token", 1, 2));
  add(Gpt2Case("one layer", 5, 2))->set_layers(1);
  add(Gpt2Case("rms norm", 5, 2))->set_normalisation(RMS_NORM);
  GptSpec* rotary = add(Gpt2Case("rotary", 9, 2));
  rotary->set_positions(ROTARY);
  rotary->set_rotary_base(500);
  add(Gpt2Case("swiglu", 5, 2))->set_feed_forward(FEED_FORWARD_SWIGLU);
  add(Gpt2Case("no biases", 5, 2))->set_no_biases(true);
  add(Gpt2Case("untied head", 5, 2))->set_untied_head(true);
  add(LlamaCase("tied llama", 5, 2))->set_untied_head(false);
  add(LlamaCase("grouped", 6, 2))->set_key_value_heads(2);
  add(LlamaCase("one key for all", 6, 2))->set_key_value_heads(1);
  GptSpec* odd = add(Gpt2Case("odd sizes", 11, 3));
  odd->set_width(21);
  odd->set_heads(3);
  odd->set_key_value_heads(1);
  odd->set_feed_forward_width(35);
  odd->set_vocabulary(101);
  add(Gpt2Case("dropout", 7, 3))->set_dropout(0.3);
  GptSpec* both = add(LlamaCase("dropout, grouped", 7, 3));
  both->set_dropout(0.2);
  both->set_key_value_heads(2);
  add(Gpt2Case("epsilon", 7, 3))->set_normalisation_epsilon(0.3);
  return cases;
}

// Rows of more than a panel, heads of more than a tile.
inline std::vector<GptCase> LargeGptCases() {
  std::vector<GptCase> cases{Gpt2Case("large gpt2", 150, 4),
                             LlamaCase("large llama", 300, 2),
                             Gpt2Case("large dropout", 70, 5)};
  cases[0].model.mutable_gpt()->set_width(66);
  cases[0].model.mutable_gpt()->set_vocabulary(515);
  cases[1].model.mutable_gpt()->set_key_value_heads(2);
  cases[1].model.mutable_gpt()->set_width(64);
  cases[2].model.mutable_gpt()->set_dropout(0.1);
  cases[2].model.mutable_gpt()->set_width(48);
  return cases;
}

inline Batch RandomText(const GptSpec& gpt, int64_t samples,
                        std::mt19937* random) {
  Batch batch;
  batch.samples = samples;
  for (int64_t i = 0; i < samples * gpt.context(); ++i) {
    batch.tokens.push_back(
        static_cast<int32_t>((*random)() % gpt.vocabulary()));
    batch.labels.push_back(
        static_cast<int32_t>((*random)() % gpt.vocabulary()));
  }
  return batch;
}

// Where a tensor lies in the parameter vector.
struct TensorRange {
  std::string name;
  size_t first, end;
};

inline std::vector<TensorRange> TensorsOf(const ModelSpec& model) {
  const absl::StatusOr<ModelLayout> layout = LayoutOf(model);
  CHECK(layout.ok()) << layout.status();
  std::vector<TensorRange> ranges;
  for (const TensorShape& tensor : layout->tensors) {
    size_t elements = 1;
    for (const uint64_t dimension : tensor.dimensions()) elements *= dimension;
    ranges.push_back(
        {tensor.name(), tensor.offset(), tensor.offset() + elements});
  }
  return ranges;
}

// Far from where training starts, so that every term of a derivative counts:
// biases other than 0, norms' weights around 1, attention that prefers some.
inline std::vector<float> RandomParameters(const ModelSpec& model,
                                           std::mt19937* random,
                                           float deviation = 0.3f) {
  std::vector<float> theta;
  std::normal_distribution<float> normal(0, deviation);
  for (const TensorRange& tensor : TensorsOf(model)) {
    const bool norm_weight = tensor.name.ends_with("norm.weight");
    for (size_t i = tensor.first; i < tensor.end; ++i) {
      theta.push_back(normal(*random) + (norm_weight ? 1.0f : 0.0f));
    }
  }
  return theta;
}

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_GPT_CASES_H_
