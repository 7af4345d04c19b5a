#include <string>

#include "absl/strings/str_cat.h"
#include "common/huggingface/config.h"
#include "common/job/rules/gpt_rules.h"
#include "common/status_macros.h"
#include "common/strict_json.h"

namespace hawser {
namespace {

using Json = nlohmann::json;

// A config.json whose settings are asked for by name. The first thing that is
// wrong is kept; what is asked for after it has no meaning.
class Settings {
 public:
  explicit Settings(const Json& json) : json_(json) {}

  const absl::Status& status() const { return status_; }

  uint32_t Count(const char* name) {
    const Json* value = Find(name);
    if (value != nullptr && value->is_number_unsigned() &&
        value->get<uint64_t>() <= 0xffffffff) {
      return value->get<uint32_t>();
    }
    return Wrong<uint32_t>(name, value, "a whole number");
  }
  uint32_t Count(const char* name, uint32_t otherwise) {
    return Find(name) == nullptr ? otherwise : Count(name);
  }
  double Number(const char* name, double otherwise) {
    const Json* value = Find(name);
    if (value == nullptr) return otherwise;
    if (value->is_number()) return value->get<double>();
    return Wrong<double>(name, value, "a number");
  }
  bool Flag(const char* name, bool otherwise) {
    const Json* value = Find(name);
    if (value == nullptr) return otherwise;
    if (value->is_boolean()) return value->get<bool>();
    return Wrong<bool>(name, value, "true or false");
  }

  // The setting is absent, null or this.
  void MustBe(const char* name, const Json& only) {
    const Json* value = Find(name);
    if (value != nullptr && *value != only) Unsupported(name, *value, only);
  }
  void MustBeOneOf(const char* name, const std::vector<std::string>& names) {
    const Json* value = Find(name);
    if (value == nullptr) return;
    for (const std::string& known : names) {
      if (*value == known) return;
    }
    Unsupported(name, *value, names);
  }

  // Null: absent, or null in the file.
  const Json* Find(const char* name) const {
    const auto found = json_.find(name);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }

 private:
  template <typename T>
  T Wrong(const char* name, const Json* value, const char* wanted) {
    Keep(absl::InvalidArgumentError(absl::StrCat(
        name, value == nullptr ? " is missing" : " is ",
        value == nullptr ? "" : value->dump(), "; it must be ", wanted)));
    return T();
  }
  void Unsupported(const char* name, const Json& value, const Json& known) {
    Keep(absl::UnimplementedError(absl::StrCat(
        name, " is ", value.dump(), "; Hawser has ", known.dump(), " only")));
  }
  void Keep(absl::Status status) {
    if (status_.ok()) status_ = std::move(status);
  }

  const Json& json_;
  absl::Status status_;
};

void ReadGpt2(Settings* settings, GptSpec* gpt) {
  gpt->set_normalisation(LAYER_NORM);
  gpt->set_positions(LEARNED);
  gpt->set_feed_forward(FEED_FORWARD_GELU);
  gpt->set_vocabulary(settings->Count("vocab_size"));
  gpt->set_context(settings->Count("n_positions"));
  gpt->set_width(settings->Count("n_embd"));
  gpt->set_layers(settings->Count("n_layer"));
  gpt->set_heads(settings->Count("n_head"));
  gpt->set_feed_forward_width(settings->Count("n_inner", 0));
  gpt->set_normalisation_epsilon(settings->Number("layer_norm_epsilon", 1e-5));
  const double dropout = settings->Number("resid_pdrop", 0);
  if (dropout == settings->Number("embd_pdrop", 0) &&
      dropout == settings->Number("attn_pdrop", 0)) {
    gpt->set_dropout(dropout);
  }
  gpt->set_untied_head(!settings->Flag("tie_word_embeddings", true));
  // The same function under two names: GELU's tanh approximation.
  settings->MustBeOneOf("activation_function",
                        {"gelu_new", "gelu_pytorch_tanh"});
  settings->MustBe("scale_attn_weights", true);
  settings->MustBe("scale_attn_by_inverse_layer_idx", false);
  settings->MustBe("add_cross_attention", false);
}

void ReadLlama(Settings* settings, GptSpec* gpt) {
  gpt->set_normalisation(RMS_NORM);
  gpt->set_positions(ROTARY);
  gpt->set_feed_forward(FEED_FORWARD_SWIGLU);
  gpt->set_no_biases(true);
  gpt->set_vocabulary(settings->Count("vocab_size"));
  gpt->set_context(settings->Count("max_position_embeddings"));
  gpt->set_width(settings->Count("hidden_size"));
  gpt->set_layers(settings->Count("num_hidden_layers"));
  gpt->set_heads(settings->Count("num_attention_heads"));
  gpt->set_key_value_heads(settings->Count("num_key_value_heads", 0));
  gpt->set_feed_forward_width(settings->Count("intermediate_size"));
  gpt->set_normalisation_epsilon(settings->Number("rms_norm_eps", 1e-6));
  gpt->set_rotary_base(settings->Number("rope_theta", 10000));
  gpt->set_untied_head(!settings->Flag("tie_word_embeddings", false));
  settings->MustBe("hidden_act", "silu");
  settings->MustBe("attention_bias", false);
  settings->MustBe("mlp_bias", false);
  settings->MustBe("rope_scaling", Json());
  settings->MustBe("partial_rotary_factor", 1.0);
  if (gpt->heads() != 0) {
    settings->MustBe("head_dim", gpt->width() / gpt->heads());
  }
  // Where newer versions of transformers have both.
  if (const Json* rope = settings->Find("rope_parameters")) {
    if (!rope->is_object()) return settings->MustBe("rope_parameters", Json());
    Settings inner(*rope);
    gpt->set_rotary_base(inner.Number("rope_theta", gpt->rotary_base()));
    inner.MustBe("rope_type", "default");
    inner.MustBe("partial_rotary_factor", 1.0);
    if (!inner.status().ok()) settings->MustBe("rope_parameters", Json());
  }
}

}  // namespace

absl::StatusOr<GptSpec> ReadConfig(absl::string_view text) {
  ASSIGN_OR_RETURN(const Json json, ParseJsonObject(text));
  Settings settings(json);
  GptSpec gpt;
  settings.MustBe("quantization_config", Json());
  if (settings.Find("model_type") == nullptr) {
    return absl::InvalidArgumentError("model_type is missing");
  }
  settings.MustBeOneOf("model_type", {"gpt2", "llama"});
  RETURN_IF_ERROR(settings.status());
  if (*settings.Find("model_type") == "gpt2") {
    ReadGpt2(&settings, &gpt);
  } else {
    ReadLlama(&settings, &gpt);
  }
  RETURN_IF_ERROR(settings.status());
  RETURN_IF_ERROR(CompleteGpt(&gpt));
  return gpt;
}

}  // namespace hawser
