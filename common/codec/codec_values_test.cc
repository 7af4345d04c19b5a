// The bytes and values of every codec, against slow references in double.
// BUILD makes one test of this file for each vector width
// (HAWSER_SIMD_TARGET), and one for the choice at run time.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "common/codec/codec.h"
#include "common/codec/codec_cases.h"
#include "common/narrow_floats.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

bool Runs() {
#ifdef HAWSER_SIMD_TARGET
#define QUOTE(x) #x
#define NAME(x) QUOTE(x)
  return __builtin_cpu_supports(NAME(HAWSER_SIMD_TARGET));
#else
  return true;
#endif
}

class CodecValuesTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!Runs()) GTEST_SKIP() << "this CPU lacks the vectors";
  }
};

std::unique_ptr<Codec> Make(const std::string& name, double share = 0) {
  return FindCodec(name)->make({name, share}).value();
}

// The finite values of a 16-bit format from 0 up, and the first power of two
// beyond: what is nearer to that becomes infinity.
class Table {
 public:
  Table(float (*widen)(uint16_t), uint16_t infinity) {
    for (uint32_t bits = 0; bits < infinity; ++bits) {
      values_.push_back(widen(static_cast<uint16_t>(bits)));
    }
    const size_t n = values_.size();
    values_.push_back(2 * values_[n - 1] - values_[n - 2]);
  }
  // Ties to the even one.
  uint16_t Nearest(double magnitude) const {
    const auto above =
        std::lower_bound(values_.begin(), values_.end(), magnitude);
    if (above == values_.end())
      return static_cast<uint16_t>(values_.size() - 1);
    const auto i = static_cast<size_t>(above - values_.begin());
    if (*above == magnitude) return static_cast<uint16_t>(i);
    const double up = *above - magnitude;
    const double down = magnitude - values_[i - 1];
    const bool takes_upper = up < down || (up == down && i % 2 == 0);
    return static_cast<uint16_t>(takes_upper ? i : i - 1);
  }

 private:
  std::vector<double> values_;
};

std::vector<float> HardFloats(float (*widen)(uint16_t)) {
  std::vector<float> values = RandomFloats(20000, 1, /*narrow=*/false);
  const std::vector<float> normal = RandomFloats(20000, 2, /*narrow=*/true);
  values.insert(values.end(), normal.begin(), normal.end());
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = widen(static_cast<uint16_t>(bits));
    const float next = widen(static_cast<uint16_t>(bits ^ 1));
    if (!std::isfinite(value) || !std::isfinite(next)) continue;
    const auto middle = static_cast<float>((double{value} + next) / 2);
    values.insert(values.end(),
                  {value, middle, std::nextafter(middle, 0.0f),
                   std::nextafter(middle, std::copysign(INFINITY, middle))});
  }
  for (const float value :
       {65504.0f, 65519.996f, 65520.0f, 65536.0f, 1e30f, 3.3895314e38f,
        3.4028235e38f, 1e-45f, 0x1p-24f, 0x1p-25f, 0x1.000002p-25f}) {
    values.push_back(value);
    values.push_back(-value);
  }
  return values;
}

void ExpectNearest(const std::string& name, float (*widen)(uint16_t),
                   uint16_t infinity) {
  const auto codec = Make(name);
  const Table table(widen, infinity);
  const std::vector<float> values = HardFloats(widen);
  const std::string bytes = Encoded(*codec, values);
  const std::vector<float> decoded =
      Decoded(*codec, bytes, static_cast<int64_t>(values.size()));
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t got;
    std::memcpy(&got, bytes.data() + 2 * i, 2);
    const auto sign = static_cast<uint16_t>(std::signbit(values[i]) << 15);
    ASSERT_EQ(got, table.Nearest(std::abs(double{values[i]})) | sign)
        << name << " of " << values[i];
    ASSERT_EQ(BitsOf(decoded[i]), BitsOf(widen(got)));
  }
}

TEST_F(CodecValuesTest, Bfloat16IsTheNearest) {
  ExpectNearest("bf16", FloatOfBfloat16, 0x7f80);
}

TEST_F(CodecValuesTest, Float16IsTheNearest) {
  ExpectNearest("fp16", FloatOfHalf, 0x7c00);
}

TEST_F(CodecValuesTest, EveryPatternOf16BitsIsDecoded) {
  std::string bytes;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    bytes.append(reinterpret_cast<const char*>(&bits), 2);
  }
  const auto brain = Decoded(*Make("bf16"), bytes, 0x10000);
  const auto half = Decoded(*Make("fp16"), bytes, 0x10000);
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto narrow = static_cast<uint16_t>(bits);
    ASSERT_EQ(BitsOf(brain[bits]), BitsOf(FloatOfBfloat16(narrow)));
    ASSERT_EQ(BitsOf(half[bits]), BitsOf(FloatOfHalf(narrow)));
  }
}

TEST_F(CodecValuesTest, Int8IsTheNearestOfItsCellsSteps) {
  const auto codec = Make("int8");
  for (const bool narrow : {true, false}) {
    for (const int64_t n : {1, 255, 256, 700}) {
      std::vector<float> values = RandomFloats(n, 9, narrow);
      if (n == 700) std::fill_n(values.begin(), 256, 0.0f);
      const std::string bytes = Encoded(*codec, values);
      const std::vector<float> decoded = Decoded(*codec, bytes, n);
      size_t at = 0;
      for (int64_t cell = 0; cell < n; cell += 256) {
        const int64_t end = std::min<int64_t>(n, cell + 256);
        double largest = 0;
        for (int64_t i = cell; i < end; ++i) {
          largest = std::max(largest,
                             std::abs(double{values[static_cast<size_t>(i)]}));
        }
        const auto scale =
            std::max(static_cast<float>(largest / 127), 0x1p-126f);
        float got_scale;
        std::memcpy(&got_scale, bytes.data() + at, 4);
        ASSERT_EQ(BitsOf(got_scale), BitsOf(scale));
        at += 4;
        for (int64_t i = cell; i < end; ++i) {
          const float value = values[static_cast<size_t>(i)];
          const double code =
              std::nearbyint(static_cast<float>(double{value} / scale));
          const auto got = static_cast<signed char>(bytes[at++]);
          ASSERT_EQ(got, code) << value << " in steps of " << scale;
          const float back = decoded[static_cast<size_t>(i)];
          ASSERT_EQ(back, static_cast<float>(code * scale));
          ASSERT_LE(std::abs(double{back} - value),
                    0.5 * scale * (1 + 0x1p-15) + 0x1p-149);
        }
      }
      ASSERT_EQ(at, bytes.size());
    }
  }
}

TEST_F(CodecValuesTest, AMarkedCellOfInt8KeepsItsFiniteValues) {
  const auto codec = Make("int8");
  std::vector<float> values = RandomFloats(256, 4, /*narrow=*/true);
  values[10] = INFINITY;
  values[20] = -INFINITY;
  values[30] = NAN;
  const auto decoded = Decoded(*codec, Encoded(*codec, values), 256);
  double largest = 0;
  for (const float value : values) {
    if (std::isfinite(value))
      largest = std::max(largest, std::abs(double{value}));
  }
  for (size_t i = 0; i < 256; ++i) {
    if (std::isfinite(values[i])) {
      ASSERT_NEAR(decoded[i], values[i], largest / 126 / 2 * 1.0001);
    } else if (std::isnan(values[i])) {
      ASSERT_TRUE(std::isnan(decoded[i]));
    } else {
      ASSERT_EQ(decoded[i], values[i]);
    }
  }
}

TEST_F(CodecValuesTest, TopKTakesTheLargestAndOfEqualOnesTheFirst) {
  for (const int64_t n : {1, 10, 999, 4096}) {
    for (const bool ties : {true, false}) {
      std::vector<float> values = RandomFloats(n, 6, /*narrow=*/false);
      if (ties) {
        for (float& value : values) value = std::copysign(0.5f, value);
      }
      const auto codec = Make("top_k", 0.1);
      std::vector<size_t> order(values.size());
      std::iota(order.begin(), order.end(), size_t{0});
      std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        return std::abs(values[a]) > std::abs(values[b]);
      });
      order.resize(std::max<size_t>(1, (values.size() + 9) / 10));
      std::vector<float> expected(values.size(), 0.0f);
      for (const size_t i : order) expected[i] = values[i];
      EXPECT_EQ(Decoded(*codec, Encoded(*codec, values), n), expected);
    }
  }
}

TEST_F(CodecValuesTest, OneBitSendsSignsAndTheMeanOfEachSide) {
  const auto codec = Make("one_bit");
  for (const int64_t n : {1, 31, 33, 2048, 5000}) {
    const std::vector<float> values = RandomFloats(n, 8, /*narrow=*/true);
    const std::vector<float> got = Decoded(*codec, Encoded(*codec, values), n);
    for (int64_t cell = 0; cell < n; cell += 2048) {
      double sum[2] = {};
      int count[2] = {};
      const int64_t end = std::min<int64_t>(n, cell + 2048);
      for (int64_t i = cell; i < end; ++i) {
        const float value = values[static_cast<size_t>(i)];
        sum[std::signbit(value)] += value;
        ++count[std::signbit(value)];
      }
      for (int64_t i = cell; i < end; ++i) {
        const bool side = std::signbit(values[static_cast<size_t>(i)]);
        ASSERT_FLOAT_EQ(got[static_cast<size_t>(i)],
                        static_cast<float>(sum[side] / count[side]));
      }
    }
  }
}

// FNV-1a. The numbers are what each width gives.
uint64_t Fingerprint(const std::string& codec_name) {
  const auto codec = Make(codec_name);
  std::vector<float> residual(10000, 0.0f);
  uint64_t hash = 14695981039346656037u;
  for (uint32_t round = 0; round < 3; ++round) {
    std::vector<float> values;
    for (uint32_t i = 0; i < residual.size(); ++i) {
      const auto whole =
          static_cast<int32_t>(((round * 10007 + i) * 2654435761u) >> 8);
      values.push_back(static_cast<float>(whole - (1 << 23)) / 4e6f);
    }
    std::string bytes = Encoded(*codec, values, &residual);
    bytes.append(reinterpret_cast<const char*>(residual.data()),
                 residual.size() * sizeof(float));
    for (const char byte : bytes) {
      hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211u;
    }
  }
  return hash;
}

TEST_F(CodecValuesTest, ResidualsHaveTheSameBitsForEveryWidth) {
  EXPECT_EQ(Fingerprint("one_bit"), 11425788602090712029u);
  EXPECT_EQ(Fingerprint("top_k"), 17861966739966050441u);
}

}  // namespace
}  // namespace hawser
