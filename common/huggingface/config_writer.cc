#include "absl/strings/str_cat.h"
#include "common/huggingface/config.h"
#include "glog/logging.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

Json IdOf(const std::optional<uint32_t>& token) {
  // Left out, transformers would take the ids of its own tokenizer.
  return token.has_value() ? Json(*token) : Json();
}

void AddGpt2(const GptSpec& gpt, Json* json) {
  Json& config = *json;
  config["architectures"] = {"GPT2LMHeadModel"};
  config["model_type"] = "gpt2";
  config["vocab_size"] = gpt.vocabulary();
  config["n_positions"] = gpt.context();
  config["n_ctx"] = gpt.context();
  config["n_embd"] = gpt.width();
  config["n_layer"] = gpt.layers();
  config["n_head"] = gpt.heads();
  config["n_inner"] = gpt.feed_forward_width();
  config["activation_function"] = "gelu_new";
  config["layer_norm_epsilon"] = gpt.normalisation_epsilon();
  config["resid_pdrop"] = gpt.dropout();
  config["embd_pdrop"] = gpt.dropout();
  config["attn_pdrop"] = gpt.dropout();
  config["scale_attn_weights"] = true;
}

void AddLlama(const GptSpec& gpt, Json* json) {
  Json& config = *json;
  config["architectures"] = {"LlamaForCausalLM"};
  config["model_type"] = "llama";
  config["vocab_size"] = gpt.vocabulary();
  config["max_position_embeddings"] = gpt.context();
  config["hidden_size"] = gpt.width();
  config["num_hidden_layers"] = gpt.layers();
  config["num_attention_heads"] = gpt.heads();
  config["num_key_value_heads"] = gpt.key_value_heads();
  config["intermediate_size"] = gpt.feed_forward_width();
  config["hidden_act"] = "silu";
  config["rms_norm_eps"] = gpt.normalisation_epsilon();
  config["rope_theta"] = gpt.rotary_base();
  config["rope_scaling"] = Json();
  config["attention_bias"] = false;
  config["mlp_bias"] = false;
}

}  // namespace

Architecture ArchitectureOf(const GptSpec& gpt) {
  if (gpt.normalisation() == LAYER_NORM && gpt.positions() == LEARNED &&
      gpt.feed_forward() == FEED_FORWARD_GELU && !gpt.no_biases() &&
      gpt.key_value_heads() == gpt.heads()) {
    return Architecture::kGpt2;
  }
  if (gpt.normalisation() == RMS_NORM && gpt.positions() == ROTARY &&
      gpt.feed_forward() == FEED_FORWARD_SWIGLU && gpt.no_biases()) {
    return Architecture::kLlama;
  }
  return Architecture::kOwn;
}

std::string WriteConfig(const GptSpec& gpt, const SpecialTokens& tokens) {
  Json config;
  switch (ArchitectureOf(gpt)) {
    case Architecture::kGpt2:
      AddGpt2(gpt, &config);
      break;
    case Architecture::kLlama:
      AddLlama(gpt, &config);
      break;
    case Architecture::kOwn:
      LOG(FATAL) << "transformers has no such model";
  }
  config["tie_word_embeddings"] = !gpt.untied_head();
  config["bos_token_id"] = IdOf(tokens.begin);
  config["eos_token_id"] = IdOf(tokens.end);
  config["torch_dtype"] = "float32";
  return config.dump(2) + "\n";
}

}  // namespace hawser
