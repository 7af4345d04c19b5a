#include "worker/backend/exponential.h"

#include <cmath>

#include "gtest/gtest.h"

namespace hawser {
namespace {

TEST(ExponentialTest, ExpIsWithinItsBound) {
  for (double x = -86.9; x < 87.9; x += 0.0037) {
    const float argument = static_cast<float>(x);
    const double expected = std::exp(static_cast<double>(argument));
    ASSERT_NEAR(FastExp(argument) / expected, 1, 2e-7) << x;
  }
  EXPECT_EQ(FastExp(0), 1);
  EXPECT_GT(FastExp(-1e30f), 0);
  EXPECT_LT(FastExp(1e30f), INFINITY);
}

TEST(ExponentialTest, TanhIsWithinItsBound) {
  for (double x = -20; x < 20; x += 0.0013) {
    const float argument = static_cast<float>(x);
    ASSERT_NEAR(FastTanh(argument), std::tanh(static_cast<double>(argument)),
                3e-7)
        << x;
  }
  EXPECT_EQ(FastTanh(0), 0);
  EXPECT_EQ(FastTanh(50), 1);
  EXPECT_EQ(FastTanh(-50), -1);
}

}  // namespace
}  // namespace hawser
