#include "common/job/model_difference.h"

#include <string>

#include "common/job/job_rules.h"
#include "common/job/model_layout.h"
#include "common/job/rules/model_rules.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::HasSubstr;

ModelSpec Model(const std::string& text, const std::string& change = "") {
  ModelSpec model;
  for (const std::string& part : {text, change}) {
    EXPECT_TRUE(
        google::protobuf::TextFormat::Parser().MergeFromString(part, &model));
  }
  EXPECT_TRUE(CompleteModel(&model).ok()) << text << change;
  return model;
}

ModelSpec Gpt(const std::string& more) {
  return Model(
      "gpt { vocabulary: 64 context: 32 layers: 2 heads: 4 width: 16 }",
      "gpt { " + more + " }");
}

std::string Difference(const ModelSpec& found, const ModelSpec& expected) {
  absl::Status status =
      CheckSameTensors(LayoutOf(found)->tensors, LayoutOf(expected)->tensors);
  if (status.ok() && found.has_gpt()) {
    status = CheckSameSettings(found.gpt(), expected.gpt());
  }
  return std::string(status.message());
}

TEST(ModelDifferenceTest, NoneWhereTheModelIsTheSame) {
  EXPECT_EQ(Difference(Gpt(""), Gpt("dropout: 0.1 precision: BFLOAT16")), "");
}

TEST(ModelDifferenceTest, TheMessageTellsTheShapesAndWhatToChange) {
  EXPECT_EQ(Difference(Gpt("context: 1024"), Gpt("")),
            "tensor position_embedding.weight is [1024, 16] there, in the "
            "job's model it is [32, 16]; change model.gpt.context");
}

TEST(ModelDifferenceTest, EverySettingIsNamed) {
  struct Case {
    const char* found;
    const char* tensor;
    const char* setting;
  };
  for (const Case& difference :
       {Case{"vocabulary: 65", "token_embedding.weight", "vocabulary"},
        Case{"width: 32", "token_embedding.weight", "width"},
        Case{"layers: 3", "blocks.2.attention_norm.weight", "layers"},
        Case{"layers: 1", "blocks.1.attention_norm.weight", "layers"},
        Case{"key_value_heads: 2", "blocks.0.attention.qkv.weight",
             "key_value_heads"},
        Case{"feed_forward_width: 8", "blocks.0.feed_forward.up.weight",
             "feed_forward_width"},
        Case{"no_biases: true", "blocks.0.attention_norm.bias", "no_biases"},
        Case{"normalisation: RMS_NORM", "blocks.0.attention_norm.bias",
             "normalisation"},
        Case{"positions: ROTARY", "position_embedding.weight", "positions"},
        Case{"untied_head: true", "head.weight", "untied_head"},
        Case{"heads: 8", "", "heads"},
        Case{"normalisation_epsilon: 1e-6", "", "normalisation_epsilon"}}) {
    for (const std::string& message :
         {Difference(Gpt(difference.found), Gpt("")),
          Difference(Gpt(""), Gpt(difference.found))}) {
      EXPECT_THAT(message, HasSubstr(difference.tensor));
      EXPECT_THAT(message,
                  HasSubstr(std::string("model.gpt.") + difference.setting))
          << difference.found;
    }
  }
}

TEST(ModelDifferenceTest, OtherModelsToo) {
  const ModelSpec mlp = Model("mlp { layer_sizes: [ 4, 5, 3 ] }");
  EXPECT_THAT(Difference(Model("mlp { layer_sizes: [ 4, 6, 3 ] }"), mlp),
              HasSubstr("model.mlp.layer_sizes"));
  EXPECT_THAT(Difference(Model("mlp { layer_sizes: [ 4, 5, 3, 3 ] }"), mlp),
              HasSubstr("layers.2.weight is there"));
  EXPECT_THAT(Difference(Gpt(""), mlp), HasSubstr("layers.0.weight"));
}

}  // namespace
}  // namespace hawser
