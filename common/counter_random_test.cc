#include "common/counter_random.h"

#include <cmath>
#include <set>

#include "gtest/gtest.h"

namespace hawser {
namespace {

using Words = std::array<uint32_t, 4>;

// Known answers published with Random123 (kat_vectors, philox4x32 10).
TEST(CounterRandomTest, KnownAnswers) {
  EXPECT_EQ(Philox({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                   {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(CounterRandomTest, MomentsOfUniformAndNormal) {
  const CounterRandom random(1, RandomPurpose::kInitialWeights);
  constexpr int kCount = 200000;
  double sum = 0, square = 0, normal = 0, normal_square = 0;
  for (int i = 0; i < kCount; ++i) {
    const double u = random.Uniform(static_cast<uint64_t>(i));
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
    square += u * u;
    const double z = random.Normal(static_cast<uint64_t>(i));
    normal += z;
    normal_square += z * z;
  }
  // Five standard errors.
  EXPECT_NEAR(sum / kCount, 0.5, 5 * std::sqrt(1.0 / 12 / kCount));
  EXPECT_NEAR(square / kCount, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / kCount));
  EXPECT_NEAR(normal / kCount, 0.0, 5 / std::sqrt(kCount));
  EXPECT_NEAR(normal_square / kCount, 1.0, 5 * std::sqrt(2.0 / kCount));
}

TEST(CounterRandomTest, StreamsDifferInEveryPart) {
  std::set<uint32_t> first;
  for (const auto purpose :
       {RandomPurpose::kDropout, RandomPurpose::kSampleOrder}) {
    for (uint64_t part = 0; part < 3; ++part) {
      for (uint64_t value = 1; value < 20; ++value) {
        const uint64_t a = part == 0 ? value : 0;
        const uint64_t b = part == 1 ? value : 0;
        const uint64_t c = part == 2 ? value : 0;
        first.insert(CounterRandom(5, purpose, a, b, c).Word(0));
      }
    }
  }
  first.insert(CounterRandom(6, RandomPurpose::kDropout, 1).Word(0));
  EXPECT_EQ(first.size(), 2u * 3 * 19 + 1);
}

TEST(CounterRandomTest, BelowStaysBelowAndReachesAll) {
  const CounterRandom random(1, RandomPurpose::kSampleOrder);
  std::set<uint64_t> seen;
  for (uint64_t i = 0; i < 200; ++i) seen.insert(random.Below(i, 7));
  EXPECT_EQ(seen, (std::set<uint64_t>{0, 1, 2, 3, 4, 5, 6}));
}

}  // namespace
}  // namespace hawser
