#include "common/safetensors.h"

#include <vector>

#include "gtest/gtest.h"

namespace hawser {
namespace {

std::string Path() { return testing::TempDir() + "/safetensors_test.file"; }

std::string File(const std::string& header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string file(reinterpret_cast<const char*>(&length), sizeof(length));
  return file + header + std::string(data_bytes, '\0');
}

absl::Status OpenBytes(const std::string& bytes) {
  EXPECT_TRUE(WriteWholeFile(Path(), bytes).ok());
  return SafetensorsReader::Open(Path()).status();
}

std::string Tensor(const std::string& name, const std::string& shape,
                   const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"F32\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

TEST(SafetensorsTest, WhatIsWrittenIsRead) {
  const std::vector<float> a = {1, 2, 3, 4, 5, 6};
  const std::vector<float> b = {-7.5f};
  auto file = AtomicFile::Create(Path());
  ASSERT_TRUE(file.ok());
  const std::vector<TensorEntry> entries = {{"z", {2, 3}}, {"a", {1}}};
  ASSERT_TRUE(AppendSafetensorsHeader(entries, {{"step", "12"}}, &*file).ok());
  EXPECT_EQ(file->bytes() % 8, 0u);
  ASSERT_TRUE(file->Append(a.data(), a.size() * 4).ok());
  ASSERT_TRUE(file->Append(b.data(), b.size() * 4).ok());
  ASSERT_TRUE(file->Commit().ok());
  // The bytes, as the format's page has them.
  const std::string bytes = *ReadWholeFile(Path(), 1 << 20);
  const std::string header =
      R"({"__metadata__":{"step":"12"},"z":{"dtype":"F32","shape":[2,3],)"
      R"("data_offsets":[0,24]},"a":{"dtype":"F32","shape":[1],)"
      R"("data_offsets":[24,28]}})";
  EXPECT_EQ(bytes.substr(8, header.size()), header);
  const auto reader = SafetensorsReader::Open(Path());
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(reader->metadata().at("step"), "12");
  std::vector<float> got(6);
  ASSERT_TRUE(reader->Read("z", absl::MakeSpan(got)).ok());
  EXPECT_EQ(got, a);
  got.resize(1);
  ASSERT_TRUE(reader->Read("a", absl::MakeSpan(got)).ok());
  EXPECT_EQ(got, b);
  EXPECT_FALSE(reader->Read("z", absl::MakeSpan(got)).ok());
  EXPECT_TRUE(absl::IsNotFound(reader->Read("q", absl::MakeSpan(got))));
}

TEST(SafetensorsTest, HostileFilesAreRefused) {
  const std::string good = "{" + Tensor("a", "[2]", "[0,8]") + "}";
  EXPECT_TRUE(OpenBytes(File(good, 8)).ok());
  const std::vector<std::string> bad = {
      "",
      "1234567",
      File(good, 7),
      File(good, 9),
      std::string(8, '\xff') + good,
      File("[]", 0),
      File("{", 0),
      File("null", 0),
      File("{" + Tensor("a", "[2]", "[8,0]") + "}", 8),
      File("{" + Tensor("a", "[2]", "[4,12]") + "}", 12),
      File("{" + Tensor("a", "[-2]", "[0,8]") + "}", 8),
      File("{" + Tensor("a", "[2]", "[0,8,9]") + "}", 8),
      File("{" +
               Tensor("a", "[18446744073709551615,18446744073709551615]",
                      "[0,4]") +
               "}",
           4),
      File("{" + Tensor("a", "[2]", "[0,8]") + "," +
               Tensor("b", "[2]", "[4,12]") + "}",
           12),
      File("{" + Tensor("a", "[2]", "[0,8]") + "," +
               Tensor("a", "[2]", "[8,16]") + "}",
           16),
      File("{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}",
           4),
      File("{\"a\":7}", 0),
      File("{\"__metadata__\":{\"k\":1}}", 0),
      File("{\"__metadata__\":[\"k\"]}", 0),
  };
  for (const std::string& bytes : bad) {
    EXPECT_FALSE(OpenBytes(bytes).ok()) << bytes;
  }
}

}  // namespace
}  // namespace hawser
