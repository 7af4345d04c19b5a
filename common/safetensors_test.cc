#include "common/safetensors.h"

#include <cmath>
#include <fstream>
#include <vector>

#include "common/narrow_floats.h"
#include "gmock/gmock.h"
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
  std::ofstream(Path(), std::ios::binary) << bytes;  // without a flush
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

TEST(SafetensorsTest, RangesAreRead) {
  ASSERT_TRUE(
      WriteWholeFile(Path(), File("{" + Tensor("a", "[2,2]", "[0,16]") + "}", 0)
                                 .append("\0\0\x80\x3f\0\0\0\x40"
                                         "\0\0\x40\x40\0\0\x80\x40",
                                         16))
          .ok());
  const auto reader = SafetensorsReader::Open(Path());
  ASSERT_TRUE(reader.ok()) << reader.status();
  std::vector<float> got(2);
  ASSERT_TRUE(reader->ReadRange("a", 1, absl::MakeSpan(got)).ok());
  EXPECT_EQ(got, (std::vector<float>{2, 3}));
  EXPECT_TRUE(reader->ReadRange("a", 4, {}).ok());
  EXPECT_FALSE(reader->ReadRange("a", 3, absl::MakeSpan(got)).ok());
  EXPECT_FALSE(reader->ReadRange("a", ~uint64_t{0}, absl::MakeSpan(got)).ok());
}

TEST(SafetensorsTest, HalvesAreWidened) {
  const std::string header =
      R"({"h":{"dtype":"F16","shape":[3],"data_offsets":[0,6]},)"
      R"("b":{"dtype":"BF16","shape":[2],"data_offsets":[6,10]},)"
      R"("i":{"dtype":"I16","shape":[1],"data_offsets":[10,12]}})";
  const uint16_t data[] = {0x3c00, 0xc001, 0x0001, 0x3f80, 0xff80, 7};
  ASSERT_TRUE(WriteWholeFile(Path(), File(header, 0).append(
                                         reinterpret_cast<const char*>(data),
                                         sizeof(data)))
                  .ok());
  const auto reader = SafetensorsReader::Open(Path());
  ASSERT_TRUE(reader.ok()) << reader.status();
  std::vector<float> got(3);
  ASSERT_TRUE(reader->Read("h", absl::MakeSpan(got)).ok());
  EXPECT_EQ(got, (std::vector<float>{1, -2 - 0x1p-9f, 0x1p-24f}));
  got.resize(2);
  ASSERT_TRUE(reader->Read("b", absl::MakeSpan(got)).ok());
  EXPECT_EQ(got, (std::vector<float>{1, -INFINITY}));
  got.resize(1);
  EXPECT_TRUE(absl::IsUnimplemented(reader->Read("i", absl::MakeSpan(got))));
}

TEST(NarrowFloatsTest, EveryHalfIsWhatTheStandardSays) {
  for (uint32_t bits = 0; bits < 1 << 16; ++bits) {
    const float got = FloatOfHalf(static_cast<uint16_t>(bits));
    const int exponent = static_cast<int>(bits >> 10 & 31);
    const int fraction = static_cast<int>(bits & 1023);
    EXPECT_EQ(std::signbit(got), bits >= 1 << 15);
    if (exponent == 31) {
      EXPECT_TRUE(fraction == 0 ? std::isinf(got) : std::isnan(got)) << bits;
      continue;
    }
    const float magnitude =
        exponent == 0
            ? std::ldexp(static_cast<float>(fraction), -24)
            : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
    ASSERT_EQ(std::fabs(got), magnitude) << bits;
  }
}

struct Hostile {
  const char* what;
  std::string bytes;
  const char* message;
};

std::vector<Hostile> HostileFiles() {
  const std::string a = Tensor("a", "[2]", "[0,8]");
  const std::string good = "{" + a + "}";
  const auto one = [](const std::string& tensor, size_t bytes) {
    return File("{" + tensor + "}", bytes);
  };
  std::string lying = File(good, 8);
  lying[0] = static_cast<char>(lying[0] + 9);
  return {
      {"empty", "", "is cut off"},
      {"no length", "1234567", "is cut off"},
      {"cut off in the header", File(good, 8).substr(0, 30), "cut off"},
      {"cut off in the data", File(good, 7), "cut off"},
      {"longer than its tensors", File(good, 9), "end at byte 8 of 9"},
      {"a huge length", std::string(8, '\xff') + good, "says that its header"},
      {"a length of 2^63", std::string(7, '\0') + "\x80" + good, "cut off"},
      {"a length into the data", lying, "cut off"},
      {"a length beyond the file", lying.substr(0, lying.size() - 8),
       "says that its header"},
      {"an array", File("[]", 0), "not a JSON object"},
      {"half an object", File("{", 0), "not JSON"},
      {"null", File("null", 0), "not a JSON object"},
      {"something after the object", File(good + "x", 8), "not JSON"},
      {"deep", File(std::string(10000, '['), 0), "nested"},
      {"offsets the wrong way round", one(Tensor("a", "[2]", "[8,0]"), 8),
       "bytes 8 to 0"},
      {"a gap before", one(Tensor("a", "[2]", "[4,12]"), 12), "begins at"},
      {"a gap between", one(a + "," + Tensor("b", "[1]", "[12,16]"), 16),
       "begins at byte 12"},
      {"an overlap", one(a + "," + Tensor("b", "[2]", "[4,12]"), 12),
       "begins at byte 4"},
      {"the same bytes twice", one(a + "," + Tensor("b", "[2]", "[0,8]"), 8),
       "begins at byte 0"},
      {"a name twice", one(a + "," + Tensor("a", "[2]", "[8,16]"), 16),
       "\"a\" stands twice"},
      {"dtype twice",
       one(R"("a":{"dtype":"F32","dtype":"F64","shape":[1],)"
           R"("data_offsets":[0,8]})",
           8),
       "\"dtype\" stands twice"},
      {"a negative dimension", one(Tensor("a", "[-2]", "[0,8]"), 8),
       "not described"},
      {"a fractional dimension", one(Tensor("a", "[2.0]", "[0,8]"), 8),
       "not described"},
      {"a dimension above 2^64",
       one(Tensor("a", "[18446744073709551617]", "[0,4]"), 4), "not described"},
      {"three offsets", one(Tensor("a", "[2]", "[0,8,9]"), 8), "not described"},
      {"a shape that overflows",
       one(Tensor("a", "[18446744073709551615,18446744073709551615]", "[0,4]"),
           4),
       "too large"},
      // 2^62 elements of four bytes are 2^64, that is none.
      {"bytes that overflow",
       one(Tensor("a", "[4611686018427387904]", "[0,0]"), 0), "too large"},
      {"a shape that needs more", one(Tensor("a", "[3]", "[0,8]"), 8),
       "its shape needs 12"},
      {"a type of its own",
       one(R"("a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]})", 8),
       "type \"F31\""},
      {"a number", one("\"a\":7", 0), "not described"},
      {"more than a tensor has",
       one(R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":1})", 4),
       "not described"},
      {"metadata of numbers", one(R"("__metadata__":{"k":1})", 0),
       "metadata \"k\""},
      {"metadata as a list", one(R"("__metadata__":["k"])", 0), "metadata"},
  };
}

TEST(SafetensorsTest, HostileFilesAreRefused) {
  EXPECT_TRUE(OpenBytes(File("{" + Tensor("a", "[2]", "[0,8]") + "}", 8)).ok());
  for (const Hostile& file : HostileFiles()) {
    const absl::Status status = OpenBytes(file.bytes);
    EXPECT_TRUE(absl::IsDataLoss(status)) << file.what << ": " << status;
    const std::string message(status.message());
    EXPECT_THAT(message, testing::HasSubstr(file.message)) << file.what;
    EXPECT_THAT(message, testing::HasSubstr(Path())) << file.what;
  }
}

// However a header is damaged, it is refused or read; nothing else.
TEST(SafetensorsTest, DamagedBytesDoNoHarm) {
  const std::string good = File("{" + Tensor("a", "[2,1]", "[0,8]") + "," +
                                    Tensor("b", "[1]", "[8,12]") + "}",
                                12);
  for (size_t i = 0; i < good.size(); ++i) {
    for (const char c : {'\0', '\xff', '9', '"', '[', '}', ','}) {
      std::string bytes = good;
      bytes[i] = c;
      if (!OpenBytes(bytes).ok()) continue;
      const auto reader = SafetensorsReader::Open(Path());
      for (const auto& [name, tensor] : reader->tensors()) {
        std::vector<float> values(tensor.elements);
        EXPECT_TRUE(reader->Read(name, absl::MakeSpan(values)).ok() ||
                    tensor.type != "F32");
      }
    }
  }
}

}  // namespace
}  // namespace hawser
