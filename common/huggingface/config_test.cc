#include "common/huggingface/config.h"

#include <string>
#include <vector>

#include "common/job/rules/gpt_rules.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

constexpr char kLlama[] =
    "normalisation: RMS_NORM positions: ROTARY "
    "feed_forward: FEED_FORWARD_SWIGLU no_biases: true ";

GptSpec Gpt(const std::string& more) {
  GptSpec gpt;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "vocabulary: 64 context: 32 layers: 2 heads: 4 width: 16 " + more, &gpt));
  EXPECT_TRUE(CompleteGpt(&gpt).ok()) << more;
  return gpt;
}

TEST(ConfigTest, WhatIsWrittenIsRead) {
  for (const std::string& more :
       {std::string(), std::string("dropout: 0.1 feed_forward_width: 40"),
        std::string("untied_head: true normalisation_epsilon: 1e-6"),
        std::string(kLlama),
        kLlama + std::string("key_value_heads: 2 rotary_base: 500 "
                             "untied_head: true normalisation_epsilon: 1e-6"),
        kLlama + std::string("feed_forward_width: 41 rotary_base: 123456.7")}) {
    const GptSpec gpt = Gpt(more);
    const auto back = ReadConfig(WriteConfig(gpt, {}));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(gpt, *back))
        << more << "\n"
        << back->DebugString();
  }
}

TEST(ConfigTest, TokensThatThereAreNotAreNull) {
  const Json none = Json::parse(WriteConfig(Gpt(""), {}));
  EXPECT_TRUE(none.contains("eos_token_id") && none["eos_token_id"].is_null());
  const Json some = Json::parse(WriteConfig(Gpt(""), {.begin = 1, .end = 2}));
  EXPECT_EQ(some["bos_token_id"], 1);
  EXPECT_EQ(some["eos_token_id"], 2);
}

TEST(ConfigTest, OtherMixesHaveNoArchitecture) {
  for (const std::string more :
       {"no_biases: true", "key_value_heads: 2", "positions: ROTARY",
        "normalisation: RMS_NORM", "feed_forward: FEED_FORWARD_SWIGLU"}) {
    EXPECT_EQ(ArchitectureOf(Gpt(more)), Architecture::kOwn) << more;
  }
  EXPECT_EQ(ArchitectureOf(Gpt("")), Architecture::kGpt2);
  EXPECT_EQ(ArchitectureOf(Gpt(kLlama)), Architecture::kLlama);
}

std::string ErrorWith(const char* like, const char* name, const Json& value) {
  Json config = Json::parse(WriteConfig(Gpt(like), {}));
  config[name] = value;
  return std::string(ReadConfig(config.dump()).status().message());
}

TEST(ConfigTest, WhatHawserDoesNotHaveIsRefusedByName) {
  struct Case {
    const char* like;
    const char* setting;
    Json value;
  };
  for (const Case& bad : std::vector<Case>{
           {"", "activation_function", "relu"},
           {"", "scale_attn_weights", false},
           {"", "scale_attn_by_inverse_layer_idx", true},
           {"", "add_cross_attention", true},
           {"", "model_type", "bert"},
           {"", "quantization_config", Json::object()},
           {"", "n_embd", "wide"},
           {"", "n_layer", -1},
           {"", "n_head", 4.5},
           {"", "vocab_size", Json()},
           {"", "vocab_size", 4294967296},
           {"", "layer_norm_epsilon", "1e-5"},
           {"", "tie_word_embeddings", 1},
           {kLlama, "hidden_act", "gelu"},
           {kLlama, "rope_scaling", {{"type", "linear"}, {"factor", 2.0}}},
           {kLlama,
            "rope_parameters",
            {{"rope_type", "yarn"}, {"rope_theta", 1e6}}},
           {kLlama, "attention_bias", true},
           {kLlama, "mlp_bias", true},
           {kLlama, "head_dim", 8},
           {kLlama, "partial_rotary_factor", 0.5}}) {
    EXPECT_THAT(ErrorWith(bad.like, bad.setting, bad.value),
                HasSubstr(bad.setting));
  }
  EXPECT_THAT(ErrorWith("", "n_head", 3), HasSubstr("heads"));
  EXPECT_THAT(ErrorWith("", "n_embd", 0), HasSubstr("width"));
  EXPECT_NE(ErrorWith("", "n_layer", 4000000000), "");
}

TEST(ConfigTest, WhatMakesNoDifferenceIsAccepted) {
  EXPECT_EQ(ErrorWith("", "activation_function", "gelu_pytorch_tanh"), "");
  EXPECT_EQ(ErrorWith("", "task_specific_params", Json::object()), "");
  EXPECT_EQ(ErrorWith(kLlama, "head_dim", 4), "");
  EXPECT_EQ(ErrorWith(kLlama, "rope_scaling", Json()), "");
  EXPECT_EQ(ErrorWith(kLlama, "rope_parameters",
                      {{"rope_type", "default"}, {"rope_theta", 1e4}}),
            "");
}

TEST(ConfigTest, OtherThanAConfigIsRefused) {
  for (const char* text : {"", "[]", "{}", "{\"model_type\": 7}",
                           "{\"model_type\":\"gpt2\",\"model_type\":\"llama\"}",
                           "{\"model_type\":\"gpt2\"}"}) {
    EXPECT_FALSE(ReadConfig(text).ok()) << text;
  }
}

}  // namespace
}  // namespace hawser
