// What holds for every codec.
#include "common/codec/codec.h"

#include <limits>
#include <set>
#include <string>
#include <vector>

#include "common/codec/codec_cases.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

std::unique_ptr<Codec> Make(const CodecKind& kind) {
  CodecOptions options;
  options.name = std::string(kind.name);
  if (kind.name == "top_k") options.share = 0.1;
  return kind.make(options).value();
}

constexpr int64_t kLengths[] = {1,   2,    31,   255,  256,  257,
                                300, 2047, 2048, 2049, 5000, 16384};

TEST(CodecTest, NamesAndIdsAreUniqueAndFitTheHeader) {
  std::set<absl::string_view> names;
  uint16_t next = 0;
  for (const CodecKind& kind : AllCodecs()) {
    EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
    EXPECT_GE(static_cast<uint16_t>(kind.id), next) << kind.name;
    next = static_cast<uint16_t>(static_cast<uint16_t>(kind.id) + 1);
  }
  EXPECT_LE(next, kMaxCodecId + 1);
}

TEST(CodecTest, IsFoundByItsName) {
  EXPECT_EQ(FindCodec("int8")->name, "int8");
  EXPECT_EQ(FindCodec("")->id, CodecId::kFloat32);
  const absl::Status unknown = FindCodec("int4").status();
  EXPECT_TRUE(absl::IsInvalidArgument(unknown));
  EXPECT_NE(unknown.message().find("none, bf16, fp16, int8, top_k, one_bit"),
            std::string::npos)
      << unknown;
}

TEST(CodecTest, ShareIsChecked) {
  const CodecKind top_k = *FindCodec("top_k");
  EXPECT_TRUE(top_k.make({"top_k", 0.5}).ok());
  for (const double share :
       {-0.1, 0.51, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_TRUE(absl::IsInvalidArgument(top_k.make({"top_k", share}).status()));
  }
}

TEST(CodecTest, NeverLongerThanTheLargestPayload) {
  for (const CodecKind& kind : AllCodecs()) {
    EXPECT_LE(Make(kind)->EncodedBytes(1 << 20), kMaxPayloadBytes);
  }
}

TEST(CodecTest, TheCutOfAPayloadDoesNotMatter) {
  for (const CodecKind& kind : AllCodecs()) {
    const auto codec = Make(kind);
    for (const int64_t n : kLengths) {
      SCOPED_TRACE(absl::string_view(kind.name));
      const std::string bytes =
          Encoded(*codec, RandomFloats(n, 7, /*narrow=*/true));
      const std::vector<float> whole = Decoded(*codec, bytes, n);
      for (const size_t longest : {3, 97, 5000}) {
        const RandomPieces cut(bytes, static_cast<uint32_t>(n), longest);
        ASSERT_TRUE(codec->Check(cut.pieces(), n).ok());
        std::vector<float> target(static_cast<size_t>(n), 5.0f);
        codec->DecodeTo(cut.pieces(), n, target.data());
        EXPECT_EQ(target, whole);
        codec->DecodeAdd(cut.pieces(), n, target.data());
        for (size_t i = 0; i < target.size(); ++i) {
          ASSERT_EQ(BitsOf(target[i]), BitsOf(whole[i] + whole[i]));
        }
      }
    }
  }
}

TEST(CodecTest, RunsAreShownInOrderAndAligned) {
  for (const CodecKind& kind : AllCodecs()) {
    const auto codec = Make(kind);
    for (const int64_t n : kLengths) {
      const std::string bytes =
          Encoded(*codec, RandomFloats(n, 3, /*narrow=*/true));
      const RandomPieces cut(bytes, 11, 700);
      int64_t next = 0;
      codec->Decode(cut.pieces(), n,
                    [&](int64_t first, const float* run, int64_t count) {
                      ASSERT_EQ(first, next);
                      ASSERT_GT(count, 0);
                      ASSERT_EQ(reinterpret_cast<uintptr_t>(run) % 4, 0u);
                      next += count;
                    });
      EXPECT_EQ(next, n) << kind.name;
    }
  }
}

TEST(CodecTest, AWrongLengthIsRefused) {
  for (const CodecKind& kind : AllCodecs()) {
    const auto codec = Make(kind);
    for (const int64_t n : kLengths) {
      const std::string bytes =
          Encoded(*codec, RandomFloats(n, 1, /*narrow=*/true));
      for (const std::string& wrong :
           {bytes + "x", bytes.substr(1), std::string()}) {
        const absl::Span<const char> piece(wrong.data(), wrong.size());
        EXPECT_TRUE(absl::IsDataLoss(codec->Check({&piece, 1}, n)))
            << kind.name << " " << n;
      }
    }
  }
}

TEST(CodecTest, ValuesThatAreNotFiniteArrive) {
  constexpr float kInfinite = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const CodecKind& kind : AllCodecs()) {
    const auto codec = Make(kind);
    for (const float bad : {kInfinite, -kInfinite, kNan, -kNan}) {
      std::vector<float> values = RandomFloats(3000, 5, /*narrow=*/true);
      for (const size_t at : {size_t{0}, size_t{700}, size_t{2999}}) {
        values[at] = bad;
      }
      std::vector<float> residual(values.size(), 0.0f);
      const auto got =
          Decoded(*codec, Encoded(*codec, values, &residual), 3000);
      for (const size_t at : {size_t{0}, size_t{700}, size_t{2999}}) {
        EXPECT_EQ(std::isnan(got[at]), std::isnan(bad)) << kind.name;
        EXPECT_TRUE(std::isnan(bad) || got[at] == bad) << kind.name;
      }
      for (const float rest : residual) {
        ASSERT_TRUE(std::isfinite(rest)) << kind.name;
      }
    }
  }
}

TEST(CodecTest, IndicesOfATopKPayloadMustRise) {
  const auto codec = FindCodec("top_k")->make({"top_k", 0.25}).value();
  const auto payload = [](std::vector<uint32_t> indices) {
    std::string bytes;
    for (const uint32_t index : indices) {
      bytes.append(reinterpret_cast<const char*>(&index), 4);
      bytes.append("\0\0\x80\x3f", 4);
    }
    return bytes;
  };
  const auto check = [&](const std::string& bytes) {
    const absl::Span<const char> piece(bytes.data(), bytes.size());
    return codec->Check({&piece, 1}, 8);
  };
  EXPECT_TRUE(check(payload({0, 7})).ok());
  EXPECT_TRUE(absl::IsDataLoss(check(payload({0, 8}))));
  EXPECT_TRUE(absl::IsDataLoss(check(payload({1, 1}))));
  EXPECT_TRUE(absl::IsDataLoss(check(payload({7, 0}))));
  EXPECT_TRUE(absl::IsDataLoss(check(payload({8, 0}))));
  EXPECT_TRUE(absl::IsDataLoss(check(payload({0xffffffff, 0}))));
}

TEST(CodecTest, WrongIndicesOfATopKPayloadReachNoOtherMemory) {
  const auto codec = FindCodec("top_k")->make({"top_k", 0.25}).value();
  const uint32_t pairs[] = {5000, 0x3f800000, 4095, 0x3f800000,
                            3,    0x3f800000, 4096, 0x3f800000};
  std::string bytes(codec->EncodedBytes(4096), '\xff');
  std::memcpy(bytes.data(), pairs, sizeof(pairs));
  for (const float value : Decoded(*codec, bytes, 4096)) {
    EXPECT_TRUE(value == 0 || value == 1);
  }
}

}  // namespace
}  // namespace hawser
