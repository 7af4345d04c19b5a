#include "server/initial_values.h"

#include <filesystem>
#include <string>
#include <vector>

#include "common/files.h"
#include "common/huggingface/model_directory.h"
#include "common/job/blocks.h"
#include "common/job/initial_values.h"
#include "common/job/model_layout.h"
#include "common/job/rules/model_rules.h"
#include "common/safetensors.h"
#include "common/source_directory.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/shard_test_support.h"

namespace hawser {
namespace {

using testing::HasSubstr;

constexpr char kGpt2[] =
    "gpt { vocabulary: 64 context: 32 layers: 2 heads: 4 width: 16 }";

// A data root with the golden models: copies, the test's own files being links
// to somewhere else.
std::string DataRoot() {
  const std::string root = testing::TempDir() + "/data_root";
  for (const char* model : {"gpt2", "llama"}) {
    EXPECT_TRUE(MakeDirectories(root + "/" + model).ok());
    for (const auto& entry : std::filesystem::directory_iterator(
             std::string("tests/golden/huggingface/") + model)) {
      std::filesystem::copy_file(
          std::filesystem::canonical(entry.path()),
          root + "/" + model + "/" + entry.path().filename().string(),
          std::filesystem::copy_options::overwrite_existing);
    }
  }
  return root;
}

// Blocks of 300 elements, as no tensor has them.
Plan GptPlan(const std::string& from, const std::string& change = "") {
  Plan plan;
  for (const std::string& text : {std::string(kGpt2), change}) {
    EXPECT_TRUE(google::protobuf::TextFormat::Parser().MergeFromString(
        text, plan.mutable_spec()->mutable_model()));
  }
  EXPECT_TRUE(CompleteModel(plan.mutable_spec()->mutable_model()).ok());
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      from, plan.mutable_spec()->mutable_from()));
  const ModelLayout layout = *LayoutOf(plan.spec().model());
  plan.set_parameters(layout.parameters);
  for (const auto& tensor : layout.tensors) *plan.add_tensors() = tensor;
  for (const Block& block : CutIntoBlocks(layout, 300)) {
    *plan.add_blocks() = block;
  }
  return plan;
}

std::vector<float> FillAll(const InitialValues& values, const Plan& plan) {
  std::vector<float> theta(plan.parameters());
  for (const Block& block : plan.blocks()) {
    EXPECT_TRUE(values.Fill(plan, block, theta.data() + block.offset()).ok());
  }
  return theta;
}

std::string Error(const Plan& plan, const std::string& output_root,
                  const std::string& data_root) {
  return std::string(
      OpenInitialValues(plan, output_root, data_root).status().message());
}

TEST(InitialValuesTest, WithoutASourceTheyAreRandom) {
  const Plan plan = GptPlan("");
  const auto values = OpenInitialValues(plan, "/nowhere", "");
  ASSERT_TRUE(values.ok()) << values.status();
  std::vector<float> expected(plan.parameters());
  for (const Block& block : plan.blocks()) {
    FillBlock(plan, block, expected.data() + block.offset());
  }
  EXPECT_EQ(FillAll(**values, plan), expected);
}

TEST(InitialValuesTest, EveryBlockComesFromTheModelsDirectory) {
  const Plan plan = GptPlan("model: 'gpt2'");
  const auto values = OpenInitialValues(plan, "/nowhere", DataRoot());
  ASSERT_TRUE(values.ok()) << values.status();
  const auto model = ModelDirectory::Open(
      SourceDirectory::Anywhere("tests/golden/huggingface/gpt2"));
  ASSERT_TRUE(model.ok()) << model.status();
  std::vector<float> expected(plan.parameters());
  ASSERT_TRUE(model->ReadParameters(expected.data()).ok());
  EXPECT_EQ(FillAll(**values, plan), expected);
}

TEST(InitialValuesTest, AModelThatCannotBeUsedIsAnErrorThatSaysWhy) {
  const std::string root = DataRoot();
  EXPECT_THAT(Error(GptPlan("model: 'gpt2'"), "", ""),
              HasSubstr("--data-root"));
  EXPECT_THAT(Error(GptPlan("model: 'none'"), "", root),
              HasSubstr("from.model: "));
  EXPECT_THAT(Error(GptPlan("model: '/etc'"), "", root),
              HasSubstr("leads out of the root"));
  EXPECT_THAT(
      Error(GptPlan("model: 'gpt2'", "gpt { vocabulary: 65 }"), "", root),
      HasSubstr("data_root/gpt2: tensor token_embedding.weight "
                "is [64, 16] there, in the job's model it is [65, 16]; change "
                "model.gpt.vocabulary"));
  EXPECT_THAT(Error(GptPlan("model: 'llama'"), "", root),
              HasSubstr("change model.gpt.positions"));
}

// A committed checkpoint of SmallPlan's job , element i being
// 1000 * STEP + i, in one block.
class FromCheckpointTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "/initial_values_test";
    std::filesystem::remove_all(root_);
    plan_ = SmallPlan(2, 1, 1);
    plan_.mutable_spec()->mutable_from()->set_checkpoint("small");
  }
  void Commit(uint64_t step) {
    const std::string directory = root_ + "/small/step-" + std::to_string(step);
    ASSERT_TRUE(MakeDirectories(directory).ok());
    auto file = AtomicFile::Create(directory + "/server-0.safetensors");
    ASSERT_TRUE(file.ok());
    const std::vector<TensorEntry> entries = {
        {"block.0.parameters", {plan_.parameters()}}};
    ASSERT_TRUE(AppendSafetensorsHeader(entries, {}, &*file).ok());
    for (uint64_t i = 0; i < plan_.parameters(); ++i) {
      const auto value = static_cast<float>(1000 * step + i);
      ASSERT_TRUE(file->Append(&value, sizeof(value)).ok());
    }
    ASSERT_TRUE(file->Commit().ok());
    nlohmann::json manifest = {
        {"format", 1},
        {"job", "small"},
        {"step", step},
        {"parameters", plan_.parameters()},
        {"files",
         {{{"name", "server-0.safetensors"},
           {"bytes", file->bytes()},
           {"crc32c", file->crc32c()}}}},
        {"blocks",
         {{{"id", 0}, {"offset", 0}, {"elements", plan_.parameters()}}}}};
    for (const TensorShape& tensor : plan_.tensors()) {
      nlohmann::json entry = {{"name", tensor.name()},
                              {"offset", tensor.offset()}};
      for (const uint64_t size : tensor.dimensions()) {
        entry["shape"].push_back(size);
      }
      manifest["tensors"].push_back(entry);
    }
    ASSERT_TRUE(
        WriteWholeFile(directory + "/manifest.json", manifest.dump()).ok());
  }
  std::string root_;
  Plan plan_;
};

TEST_F(FromCheckpointTest, OtherBlocksThanTheCheckpointsAreFilled) {
  EXPECT_THAT(Error(plan_, root_, ""), HasSubstr("from.checkpoint: "));
  Commit(2);
  Commit(3);
  for (const auto& [checkpoint, step] :
       {std::pair("small", 3), std::pair("small/step-2", 2)}) {
    plan_.mutable_spec()->mutable_from()->set_checkpoint(checkpoint);
    const auto values = OpenInitialValues(plan_, root_, "");
    ASSERT_TRUE(values.ok()) << values.status();
    const std::vector<float> theta = FillAll(**values, plan_);
    for (size_t i = 0; i < theta.size(); ++i) {
      EXPECT_EQ(theta[i], 1000 * step + static_cast<int>(i));
    }
  }
}

TEST_F(FromCheckpointTest, AnotherModelIsRefused) {
  Commit(2);
  plan_.mutable_tensors(1)->set_dimensions(0, 6);
  EXPECT_THAT(Error(plan_, root_, ""),
              HasSubstr("small/step-2: tensor layers.0.bias is [5] there, in "
                        "the job's model it is [6]; change "
                        "model.mlp.layer_sizes"));
}

}  // namespace
}  // namespace hawser
