#include "common/huggingface/model_directory.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/counter_random.h"
#include "common/files.h"
#include "common/huggingface/config.h"
#include "common/huggingface/model_writer.h"
#include "common/job/rules/model_rules.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::HasSubstr;

constexpr char kGpt2[] =
    "vocabulary: 64 context: 32 layers: 2 heads: 4 width: 16 ";
constexpr char kLlama[] =
    "vocabulary: 64 context: 32 layers: 2 heads: 4 width: 16 "
    "key_value_heads: 2 normalisation: RMS_NORM positions: ROTARY "
    "feed_forward: FEED_FORWARD_SWIGLU feed_forward_width: 40 "
    "no_biases: true untied_head: true normalisation_epsilon: 1e-6 "
    "rotary_base: 500 ";

ModelSpec Model(const std::string& gpt, const std::string& change = "") {
  ModelSpec model;
  for (const std::string& text : {gpt, change}) {
    google::protobuf::TextFormat::Parser parser;
    EXPECT_TRUE(parser.MergeFromString(text, model.mutable_gpt())) << text;
  }
  EXPECT_TRUE(CompleteModel(&model).ok()) << gpt << change;
  return model;
}

std::vector<float> RandomParameters(uint64_t count) {
  const CounterRandom random(1, RandomPurpose::kInitialWeights, 0);
  std::vector<float> theta;
  for (uint64_t i = 0; i < count; ++i) theta.push_back(random.Normal(i));
  return theta;
}

std::string NewPath() {
  const std::string path =
      testing::TempDir() + "/model_directory_test_" +
      testing::UnitTest::GetInstance()->current_test_info()->name();
  EXPECT_TRUE(MakeDirectories(path).ok());
  return path;
}

void WriteTo(const std::string& path, const ModelSpec& model,
             const std::vector<float>& theta, const std::string& prefix) {
  const Architecture architecture = ArchitectureOf(model.gpt());
  const ModelLayout layout = *LayoutOf(model);
  ASSERT_TRUE(WriteModel(
                  MapTensors(architecture, layout.tensors, model.gpt(), prefix),
                  {{"format", "pt"}},
                  [&](uint64_t first, absl::Span<float> out) {
                    std::memcpy(out.data(), theta.data() + first,
                                out.size() * sizeof(float));
                    return absl::OkStatus();
                  },
                  path + "/" + kModelFile)
                  .ok());
  ASSERT_TRUE(
      WriteWholeFile(path + "/" + kConfigFile, WriteConfig(model.gpt(), {}))
          .ok());
}

// The slow and obvious way to what transformers has at a place of ours.
float Stored(const SafetensorsSet& files, const std::string& name, uint64_t row,
             uint64_t column, bool transposed) {
  const StoredTensor* tensor = files.Find(name);
  EXPECT_NE(tensor, nullptr) << name;
  const uint64_t width = tensor->shape.size() == 2 ? tensor->shape[1] : 1;
  float value = 0;
  EXPECT_TRUE(
      files
          .ReadRange(name,
                     transposed ? column * width + row : row * width + column,
                     absl::MakeSpan(&value, 1))
          .ok());
  return value;
}

const TensorShape& TensorNamed(const ModelLayout& layout,
                               const std::string& name) {
  for (const TensorShape& tensor : layout.tensors) {
    if (tensor.name() == name) return tensor;
  }
  ADD_FAILURE() << name;
  return layout.tensors[0];
}

class GoldenDirectoryTest : public testing::Test {
 protected:
  void Open(const std::string& name) {
    directory_ = SourceDirectory::Anywhere("tests/golden/huggingface/" + name);
    auto model = ModelDirectory::Open(directory_);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = std::make_unique<ModelDirectory>(*std::move(model));
    files_ =
        std::make_unique<SafetensorsSet>(*SafetensorsSet::Open(directory_));
    theta_.resize(model_->layout().parameters);
    ASSERT_TRUE(model_->ReadParameters(theta_.data()).ok());
  }
  // All of our tensor is theirs from `row` on.
  void Expect(const std::string& ours, const std::string& theirs,
              bool transposed, uint64_t from = 0, uint64_t rows = ~0ull) {
    const TensorShape& tensor = TensorNamed(model_->layout(), ours);
    const uint64_t columns =
        tensor.dimensions_size() == 2 ? tensor.dimensions(1) : 1;
    rows = std::min<uint64_t>(rows, tensor.dimensions(0));
    for (uint64_t r = 0; r < rows; ++r) {
      for (uint64_t c = 0; c < columns; ++c) {
        ASSERT_EQ(theta_[tensor.offset() + (from + r) * columns + c],
                  Stored(*files_, theirs, r, c, transposed))
            << ours << " " << r << " " << c;
      }
    }
  }
  SourceDirectory directory_ = SourceDirectory::Anywhere("");
  std::unique_ptr<ModelDirectory> model_;
  std::unique_ptr<SafetensorsSet> files_;
  std::vector<float> theta_;
};

TEST_F(GoldenDirectoryTest, Gpt2IsReadTransposed) {
  Open("gpt2");
  EXPECT_EQ(model_->model().gpt().DebugString(),
            Model(kGpt2, "dropout: 0.1").gpt().DebugString());
  Expect("token_embedding.weight", "transformer.wte.weight", false);
  Expect("position_embedding.weight", "transformer.wpe.weight", false);
  Expect("blocks.1.attention_norm.bias", "transformer.h.1.ln_1.bias", false);
  Expect("blocks.1.attention.qkv.weight", "transformer.h.1.attn.c_attn.weight",
         true);
  Expect("blocks.1.attention.qkv.bias", "transformer.h.1.attn.c_attn.bias",
         false);
  Expect("blocks.0.attention.output.weight",
         "transformer.h.0.attn.c_proj.weight", true);
  Expect("blocks.0.feed_forward.up.weight", "transformer.h.0.mlp.c_fc.weight",
         true);
  Expect("blocks.0.feed_forward.down.weight",
         "transformer.h.0.mlp.c_proj.weight", true);
  Expect("final_norm.weight", "transformer.ln_f.weight", false);
}

TEST_F(GoldenDirectoryTest, LlamaIsReadInPieces) {
  Open("llama");
  EXPECT_EQ(model_->model().gpt().DebugString(),
            Model(kLlama).gpt().DebugString());
  Expect("blocks.1.attention.qkv.weight",
         "model.layers.1.self_attn.q_proj.weight", false, 0, 16);
  Expect("blocks.1.attention.qkv.weight",
         "model.layers.1.self_attn.k_proj.weight", false, 16, 8);
  Expect("blocks.1.attention.qkv.weight",
         "model.layers.1.self_attn.v_proj.weight", false, 24, 8);
  Expect("blocks.0.feed_forward.up.weight",
         "model.layers.0.mlp.gate_proj.weight", false, 0, 40);
  Expect("blocks.0.feed_forward.up.weight", "model.layers.0.mlp.up_proj.weight",
         false, 40, 40);
  Expect("blocks.0.feed_forward.down.weight",
         "model.layers.0.mlp.down_proj.weight", false);
  Expect("blocks.0.feed_forward_norm.weight",
         "model.layers.0.post_attention_layernorm.weight", false);
  Expect("head.weight", "lm_head.weight", false);
  Expect("final_norm.weight", "model.norm.weight", false);
}

// A server reads blocks, wherever they begin and end.
TEST_F(GoldenDirectoryTest, EveryRangeIsWhatTheWholeHas) {
  for (const char* name : {"gpt2", "llama"}) {
    Open(name);
    for (uint64_t size : {1, 7, 16, 300, 1000}) {
      std::vector<float> out(size);
      for (uint64_t i = 0; i + size <= theta_.size(); i += size + 3) {
        ASSERT_TRUE(model_->Read(i, absl::MakeSpan(out)).ok());
        ASSERT_EQ(std::memcmp(out.data(), theta_.data() + i, 4 * size), 0)
            << name << " " << i << " + " << size;
      }
    }
  }
}

TEST(ModelDirectoryTest, WhatIsWrittenIsReadToTheBit) {
  const std::string path = NewPath();
  for (const ModelSpec& model :
       {Model(kGpt2), Model(kGpt2, "untied_head: true"),
        Model(kGpt2, "layers: 1 width: 100 heads: 5 context: 3"), Model(kLlama),
        Model(kLlama, "untied_head: false"),
        Model(kLlama, "width: 72 key_value_heads: 1")}) {
    const auto theta = RandomParameters(LayoutOf(model)->parameters);
    for (const std::string& prefix :
         {PrefixOf(ArchitectureOf(model.gpt())), std::string()}) {
      WriteTo(path, model, theta, prefix);
      const auto back =
          ModelDirectory::OpenAs(SourceDirectory::Anywhere(path), model);
      ASSERT_TRUE(back.ok()) << back.status();
      EXPECT_EQ(back->model().DebugString(), model.DebugString());
      std::vector<float> read(theta.size());
      ASSERT_TRUE(back->ReadParameters(read.data()).ok());
      EXPECT_EQ(read, theta) << model.DebugString();
    }
  }
}

TEST(ModelDirectoryTest, HawsersOwnNamesNeedNoConfig) {
  const std::string path = NewPath();
  ModelSpec model;
  for (const uint32_t size : {5, 4, 3}) {
    model.mutable_mlp()->add_layer_sizes(size);
  }
  ASSERT_TRUE(CompleteModel(&model).ok());
  const ModelLayout layout = *LayoutOf(model);
  const auto theta = RandomParameters(layout.parameters);
  ASSERT_TRUE(WriteModel(
                  MapTensors(Architecture::kOwn, layout.tensors, {}, ""), {},
                  [&](uint64_t first, absl::Span<float> out) {
                    std::copy_n(theta.begin() + static_cast<long>(first),
                                out.size(), out.begin());
                    return absl::OkStatus();
                  },
                  path + "/" + kModelFile)
                  .ok());
  const SourceDirectory directory = SourceDirectory::Anywhere(path);
  const auto back = ModelDirectory::OpenAs(directory, model);
  ASSERT_TRUE(back.ok()) << back.status();
  std::vector<float> read(theta.size());
  ASSERT_TRUE(back->ReadParameters(read.data()).ok());
  EXPECT_EQ(read, theta);
  model.mutable_mlp()->set_layer_sizes(1, 6);
  const absl::Status other = ModelDirectory::OpenAs(directory, model).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(other)) << other;
  EXPECT_THAT(std::string(other.message()), HasSubstr("layers.0.weight"));
  EXPECT_TRUE(absl::IsNotFound(ModelDirectory::Open(directory).status()));
}

// The error names the directory, the tensor, both shapes and the setting.
TEST(ModelDirectoryTest, AnotherModelIsRefused) {
  const SourceDirectory gpt2 =
      SourceDirectory::Anywhere("tests/golden/huggingface/gpt2");
  EXPECT_TRUE(ModelDirectory::OpenAs(gpt2, Model(kGpt2)).ok());
  const std::map<std::string, std::string> bad = {
      {"context: 64",
       "tests/golden/huggingface/gpt2: tensor position_embedding.weight is "
       "[32, 16] there, in the job's model it is [64, 16]; change "
       "model.gpt.context"},
      {"heads: 2", "model.gpt.heads"},
      {"positions: ROTARY", "model.gpt.positions"},
      {"untied_head: true", "model.gpt.untied_head"},
      {"normalisation_epsilon: 1e-6", "model.gpt.normalisation_epsilon"},
  };
  for (const auto& [more, message] : bad) {
    const absl::Status status =
        ModelDirectory::OpenAs(gpt2, Model(kGpt2, more)).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  }
}

// Files of another model than config.json tells of.
TEST(ModelDirectoryTest, DamagedDirectoriesAreRefused) {
  const std::string path = NewPath();
  const SourceDirectory directory = SourceDirectory::Anywhere(path);
  EXPECT_TRUE(absl::IsNotFound(ModelDirectory::Open(directory).status()));
  const auto with_config = [&](const ModelSpec& described) {
    const ModelSpec model = Model(kGpt2);
    WriteTo(path, model, RandomParameters(LayoutOf(model)->parameters),
            "transformer.");
    EXPECT_TRUE(WriteWholeFile(path + "/" + kConfigFile,
                               WriteConfig(described.gpt(), {}))
                    .ok());
    return std::string(ModelDirectory::Open(directory).status().message());
  };
  EXPECT_EQ(with_config(Model(kGpt2)), "");
  EXPECT_THAT(with_config(Model(kGpt2, "layers: 3")),
              HasSubstr("no tensor transformer.h.2.ln_1.weight"));
  EXPECT_THAT(with_config(Model(kGpt2, "layers: 1")),
              HasSubstr("has a tensor transformer.h.1."));
  EXPECT_THAT(with_config(Model(kGpt2, "width: 32")),
              HasSubstr("transformer.wte.weight is [64, 16]"));
  EXPECT_THAT(with_config(Model(kLlama)),
              HasSubstr("no tensor model.embed_tokens"));
}

}  // namespace
}  // namespace hawser
