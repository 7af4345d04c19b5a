#include "client/export/model_export.h"

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/export/tokenizer_files.h"
#include "common/files.h"
#include "common/huggingface/model_directory.h"
#include "common/job/model_layout.h"
#include "common/job/rules/model_rules.h"
#include "common/safetensors.h"
#include "common/source_directory.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Json = nlohmann::json;

constexpr char kGpt2[] =
    "vocabulary: 257 context: 8 layers: 2 heads: 2 width: 12";
constexpr char kLlama[] =
    "vocabulary: 256 context: 8 layers: 2 heads: 4 width: 16 "
    "key_value_heads: 2 normalisation: RMS_NORM positions: ROTARY "
    "feed_forward: FEED_FORWARD_SWIGLU no_biases: true untied_head: true";

// A committed checkpoint whose element i is i, in one block.
class ModelExportTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = absl::StrCat(
        testing::TempDir(), "/model_export_test_",
        testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(root_);
    ASSERT_TRUE(MakeDirectories(root_ + "/data").ok());
  }

  void Commit(const std::string& gpt, const std::string& data) {
    spec_.Clear();
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
        gpt, spec_.mutable_model()->mutable_gpt()));
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
        data, spec_.mutable_data()));
    ASSERT_TRUE(CompleteModel(spec_.mutable_model()).ok());
    const ModelLayout layout = *LayoutOf(spec_.model());
    const std::string directory = root_ + "/step-1";
    ASSERT_TRUE(MakeDirectories(directory).ok());
    auto file = AtomicFile::Create(directory + "/server-0.safetensors");
    ASSERT_TRUE(file.ok());
    const std::vector<TensorEntry> entries = {
        {"block.0.parameters", {layout.parameters}}};
    ASSERT_TRUE(AppendSafetensorsHeader(entries, {}, &*file).ok());
    for (uint64_t i = 0; i < layout.parameters; ++i) {
      const auto value = static_cast<float>(i);
      ASSERT_TRUE(file->Append(&value, sizeof(value)).ok());
    }
    ASSERT_TRUE(file->Commit().ok());
    std::string spec;
    ASSERT_TRUE(google::protobuf::util::MessageToJsonString(spec_, &spec).ok());
    Json manifest = {
        {"format", 1},
        {"job", "gpt"},
        {"step", 1},
        {"parameters", layout.parameters},
        {"spec", Json::parse(spec)},
        {"files",
         {{{"name", "server-0.safetensors"},
           {"bytes", file->bytes()},
           {"crc32c", file->crc32c()}}}},
        {"blocks",
         {{{"id", 0}, {"offset", 0}, {"elements", layout.parameters}}}}};
    for (const TensorShape& tensor : layout.tensors) {
      Json entry = {{"name", tensor.name()}, {"offset", tensor.offset()}};
      for (const uint64_t size : tensor.dimensions()) {
        entry["shape"].push_back(size);
      }
      manifest["tensors"].push_back(entry);
    }
    ASSERT_TRUE(
        WriteWholeFile(directory + "/manifest.json", manifest.dump()).ok());
    auto reader = CheckpointReader::Open(SourceDirectory::Anywhere(directory));
    ASSERT_TRUE(reader.ok()) << reader.status();
    checkpoint_ = *std::move(reader);
  }

  absl::StatusOr<std::vector<std::string>> Export() {
    std::filesystem::remove_all(Target());
    return ExportDirectory(checkpoint_.get(), Target(), data_root_);
  }
  std::string Error() { return std::string(Export().status().message()); }
  std::string Target() const { return root_ + "/new/exported"; }
  std::vector<std::string> Files() const {
    return *SourceDirectory::Anywhere(Target()).List(100);
  }

  std::string root_;
  std::string data_root_;
  JobSpec spec_;
  std::unique_ptr<CheckpointReader> checkpoint_;
};

TEST_F(ModelExportTest, WhatIsExportedIsReadToTheBit) {
  for (const char* gpt : {kGpt2, kLlama}) {
    Commit(gpt, "text {}");
    const auto notes = Export();
    ASSERT_TRUE(notes.ok()) << notes.status();
    EXPECT_THAT(*notes, IsEmpty());
    EXPECT_THAT(Files(),
                ElementsAre("config.json", "model.safetensors",
                            "tokenizer.json", "tokenizer_config.json"));
    const auto model =
        ModelDirectory::Open(SourceDirectory::Anywhere(Target()));
    ASSERT_TRUE(model.ok()) << model.status();
    EXPECT_EQ(model->model().DebugString(), spec_.model().DebugString());
    std::vector<float> theta(model->layout().parameters);
    ASSERT_TRUE(model->ReadParameters(theta.data()).ok());
    for (size_t i = 0; i < theta.size(); ++i) {
      ASSERT_EQ(theta[i], static_cast<float>(i));
    }
  }
}

TEST_F(ModelExportTest, AMixThatTransformersLacksIsReadBackAllTheSame) {
  Commit(absl::StrCat(kGpt2, " positions: ROTARY"), "text {}");
  const auto notes = Export();
  ASSERT_TRUE(notes.ok()) << notes.status();
  ASSERT_EQ(notes->size(), 1u);
  EXPECT_THAT(notes->front(), HasSubstr("transformers has no such model"));
  EXPECT_THAT(Files(), ElementsAre("hawser_model.json", "model.safetensors",
                                   "tokenizer.json", "tokenizer_config.json"));
  const auto model = ModelDirectory::Open(SourceDirectory::Anywhere(Target()));
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->model().DebugString(), spec_.model().DebugString());
}

TEST_F(ModelExportTest, WhatExistsIsLeftAlone) {
  Commit(kGpt2, "text {}");
  ASSERT_TRUE(Export().ok());
  const absl::Status again =
      ExportDirectory(checkpoint_.get(), Target() + "/", "").status();
  EXPECT_TRUE(absl::IsAlreadyExists(again)) << again;
  EXPECT_THAT(*SourceDirectory::Anywhere(root_ + "/new").List(10),
              ElementsAre("exported"));
}

TEST_F(ModelExportTest, NothingIsLeftOfAnExportThatFails) {
  Commit(kGpt2, "text {}");
  std::filesystem::resize_file(root_ + "/step-1/server-0.safetensors", 2000);
  EXPECT_THAT(Error(), HasSubstr("server-0.safetensors is damaged"));
  EXPECT_THAT(*SourceDirectory::Anywhere(root_ + "/new").List(10), IsEmpty());
}

TEST_F(ModelExportTest, TokenizersAreCopiedFromTheDataRoot) {
  const auto write = [&](const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteWholeFile(root_ + "/data/" + name, text).ok());
  };
  Json tokenizer = Json::parse(BytesTokenizerJson());
  write("vocab.json", tokenizer["model"]["vocab"].dump());
  write("merges.txt", "#version: 0.2\n");
  tokenizer["added_tokens"].push_back({{"id", 256},
                                       {"content", "<|endoftext|>"},
                                       {"special", true},
                                       {"single_word", false},
                                       {"lstrip", false},
                                       {"rstrip", false},
                                       {"normalized", false}});
  write("t.json", tokenizer.dump());
  Commit(kGpt2, "text { tokenizer { tokenizer_json: 't.json' } }");
  const auto notes = Export();
  ASSERT_TRUE(notes.ok()) << notes.status();
  ASSERT_EQ(notes->size(), 1u);
  EXPECT_THAT(notes->front(), HasSubstr("--data-root"));
  EXPECT_THAT(Files(), ElementsAre("config.json", "model.safetensors"));

  data_root_ = root_ + "/data";
  ASSERT_TRUE(Export().ok());
  EXPECT_THAT(Files(), ElementsAre("config.json", "model.safetensors",
                                   "tokenizer.json", "tokenizer_config.json"));
  const Json config =
      Json::parse(*ReadWholeFile(Target() + "/config.json", 1 << 20));
  EXPECT_EQ(config["eos_token_id"], 256);

  Commit(kGpt2,
         "tokens { tokenizer { vocab_merges { vocab: 'vocab.json' "
         "merges: 'merges.txt' } } }");
  ASSERT_TRUE(Export().ok());
  EXPECT_THAT(Files(),
              ElementsAre("config.json", "merges.txt", "model.safetensors",
                          "tokenizer_config.json", "vocab.json"));
}

TEST_F(ModelExportTest, ATokenizerOfAnotherModelIsRefused) {
  data_root_ = root_ + "/data";
  Commit("vocabulary: 255 context: 8 layers: 1 heads: 1 width: 2", "text {}");
  EXPECT_THAT(Error(), HasSubstr("it has 256 tokens, model.gpt.vocabulary is"));
  ASSERT_TRUE(WriteWholeFile(root_ + "/t.json", BytesTokenizerJson()).ok());
  Commit(kGpt2, "text { tokenizer { tokenizer_json: '../t.json' } }");
  EXPECT_THAT(Error(), HasSubstr("leads out of the root"));
}

TEST(BytesTokenizerTest, EveryByteHasItsOwnName) {
  const Json json = Json::parse(BytesTokenizerJson());
  const Json& vocabulary = json["model"]["vocab"];
  EXPECT_EQ(vocabulary.size(), 256u);
  EXPECT_EQ(vocabulary["A"], 65);
  EXPECT_EQ(vocabulary["\u0120"], 32);   // a space
  EXPECT_EQ(vocabulary["\u010a"], 10);   // a line feed
  EXPECT_EQ(vocabulary["\u0143"], 173);  // a soft hyphen
  EXPECT_EQ(vocabulary["\u00ff"], 255);
}

}  // namespace
}  // namespace hawser
