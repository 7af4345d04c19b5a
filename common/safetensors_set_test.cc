#include "common/safetensors_set.h"

#include <string>
#include <vector>

#include "common/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::HasSubstr;

class SafetensorsSetTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "/safetensors_set_test_" +
            testing::UnitTest::GetInstance()->current_test_info()->name();
    ASSERT_TRUE(MakeDirectories(path_).ok());
  }
  // A file of one tensor of one element.
  void WriteTensor(const std::string& file, const std::string& name,
                   float value) {
    auto out = AtomicFile::Create(path_ + "/" + file);
    ASSERT_TRUE(out.ok());
    const std::vector<TensorEntry> entries = {{name, {1}}};
    ASSERT_TRUE(AppendSafetensorsHeader(entries, {}, &*out).ok());
    ASSERT_TRUE(out->Append(&value, sizeof(value)).ok());
    ASSERT_TRUE(out->Commit().ok());
  }
  void WriteIndex(const std::string& text) {
    ASSERT_TRUE(WriteWholeFile(path_ + "/" + kModelIndex, text).ok());
  }
  absl::StatusOr<SafetensorsSet> Open() {
    return SafetensorsSet::Open(SourceDirectory::Anywhere(path_));
  }
  std::string path_;
};

TEST_F(SafetensorsSetTest, PiecesAreOneModel) {
  WriteTensor("one.safetensors", "a", 1);
  WriteTensor("two.safetensors", "b", 2);
  WriteIndex(R"({"metadata": {"total_size": 8}, "weight_map":
                 {"a": "one.safetensors", "b": "two.safetensors"}})");
  const auto set = Open();
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->Names(), (std::vector<std::string>{"a", "b"}));
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, float>>{{"a", 1}, {"b", 2}}) {
    float got = 0;
    ASSERT_TRUE(set->ReadRange(name, 0, absl::MakeSpan(&got, 1)).ok());
    EXPECT_EQ(got, value);
  }
  EXPECT_EQ(set->Find("c"), nullptr);
  float got = 0;
  EXPECT_TRUE(
      absl::IsNotFound(set->ReadRange("c", 0, absl::MakeSpan(&got, 1))));
}

TEST_F(SafetensorsSetTest, OneFileNeedsNoIndex) {
  EXPECT_TRUE(absl::IsNotFound(Open().status()));
  WriteTensor(kModelFile, "a", 1);
  const auto set = Open();
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->Names(), std::vector<std::string>{"a"});
}

TEST_F(SafetensorsSetTest, HostileIndexesAreRefused) {
  WriteTensor("one.safetensors", "a", 1);
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"", "not JSON"},
      {"{}", "no weight_map"},
      {R"({"weight_map": ["a"]})", "no weight_map"},
      {R"({"weight_map": {"a": 7}})", "tensor a has no file"},
      {R"({"weight_map": {"b": "one.safetensors"}})", "tensor b is not in"},
      {R"({"weight_map": {"a": "none.safetensors"}})", "none.safetensors"},
      {R"({"weight_map": {"a": "../one.safetensors"}})", "not the name"},
      {R"({"weight_map": {"a": "one.safetensors", "a": "one.safetensors"}})",
       "\"a\" stands twice"},
  };
  for (const auto& [text, message] : bad) {
    WriteIndex(text);
    const auto set = Open();
    ASSERT_FALSE(set.ok()) << text;
    EXPECT_THAT(std::string(set.status().message()), HasSubstr(message));
  }
}

}  // namespace
}  // namespace hawser
