#include "common/vector_ops.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace hawser {
namespace {

// BUILD makes a test of this file for each vector width (HAWSER_SIMD_TARGET),
// and one for the choice at run time.
class VectorOpsTest : public testing::Test {
 protected:
  void SetUp() override {
#if defined(HAWSER_SIMD_TARGET) && defined(__x86_64__)
#define HAWSER_QUOTE(x) #x
#define HAWSER_QUOTE_VALUE(x) HAWSER_QUOTE(x)
    if (!__builtin_cpu_supports(HAWSER_QUOTE_VALUE(HAWSER_SIMD_TARGET))) {
      GTEST_SKIP() << "this CPU lacks "
                   << HAWSER_QUOTE_VALUE(HAWSER_SIMD_TARGET);
    }
#elif defined(HAWSER_SIMD_TARGET)
    GTEST_SKIP() << "vector widths are chosen on x86-64 only";
#endif
  }
};

// SquaredNorm's order, one addition at a time: element i goes to lane i % 16,
// then the upper half of the lanes is added to the lower half, four times.
double SquaredNormInOrder(const std::vector<float>& x) {
  double lanes[16] = {};
  for (size_t i = 0; i < x.size(); ++i) {
    lanes[i % 16] += static_cast<double>(x[i]) * x[i];
  }
  for (int width : {8, 4, 2, 1}) {
    for (int lane = 0; lane < width; ++lane) lanes[lane] += lanes[lane + width];
  }
  return lanes[0];
}

TEST_F(VectorOpsTest, AddIntoAddsFromAnyAlignment) {
  std::mt19937 random(1);
  std::normal_distribution<float> value;
  for (int64_t n : {0, 1, 15, 16, 17, 1000}) {
    std::vector<float> a(static_cast<size_t>(n)), b(a.size());
    for (float& each : a) each = value(random);
    for (float& each : b) each = value(random);
    for (size_t shift = 0; shift < 4; ++shift) {
      std::vector<char> bytes(b.size() * 4 + shift);
      if (n != 0) std::memcpy(bytes.data() + shift, b.data(), b.size() * 4);
      std::vector<float> sum = a;
      AddInto(sum.data(), bytes.data() + shift, n);
      for (size_t i = 0; i < sum.size(); ++i) ASSERT_EQ(sum[i], a[i] + b[i]);
    }
  }
}

TEST_F(VectorOpsTest, FindsWhatIsNotFiniteWhereverItIs) {
  constexpr float kMost = std::numeric_limits<float>::max();
  for (const int64_t n : {0, 1, 15, 16, 17, 4095, 4096, 4097, 10000}) {
    std::vector<float> x(static_cast<size_t>(n), -kMost);
    EXPECT_TRUE(AllFinite(x.data(), n));
    for (size_t i = 0; i < x.size(); i += 1 + x.size() / 50) {
      for (const float bad : {INFINITY, -INFINITY, NAN, -NAN}) {
        x[i] = bad;
        EXPECT_FALSE(AllFinite(x.data(), n)) << bad << " at " << i;
      }
      x[i] = std::numeric_limits<float>::denorm_min();
    }
    EXPECT_TRUE(AllFinite(x.data(), n));
  }
}

TEST_F(VectorOpsTest, SquaredNormAgreesWithLongDouble) {
  std::mt19937 random(2);
  std::normal_distribution<float> value;
  for (int64_t n : {0, 1, 15, 16, 17, 12345}) {
    std::vector<float> x(static_cast<size_t>(n));
    long double expected = 0;
    for (float& each : x) {
      each = value(random);
      expected += static_cast<long double>(each) * each;
    }
    const double got = SquaredNorm(x.data(), n);
    EXPECT_NEAR(got, static_cast<double>(expected),
                1e-13 * static_cast<double>(expected) + 1e-300);
    // Whatever the vector width and the alignment, the same bits.
    EXPECT_EQ(got, SquaredNormInOrder(x));
    std::vector<float> moved(x.size() + 1);
    std::copy(x.begin(), x.end(), moved.begin() + 1);
    EXPECT_EQ(SquaredNorm(moved.data() + 1, n), got);
  }
}

TEST_F(VectorOpsTest, SquaredNormOfPiecesHasTheSameBits) {
  std::mt19937 random(3);
  std::normal_distribution<float> value;
  std::vector<float> x(5000);
  for (float& each : x) each = value(random);
  const double whole = SquaredNormInOrder(x);
  for (int cuts = 0; cuts < 100; ++cuts) {
    SquaredNormSum sum;
    for (size_t done = 0; done < x.size();) {
      const size_t n = std::min<size_t>(x.size() - done, random() % 100);
      sum.Add(x.data() + done, static_cast<int64_t>(n));
      done += n;
    }
    ASSERT_EQ(sum.Total(), whole);
  }
}

}  // namespace
}  // namespace hawser
