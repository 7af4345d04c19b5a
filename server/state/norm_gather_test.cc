#include "server/state/norm_gather.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace hawser {
namespace {

TEST(NormGatherTest, TheTotalDoesNotDependOnTheOrderOfArrival) {
  std::mt19937 random(7);
  std::vector<double> norms(50);
  for (double& norm : norms) norm = std::exp2(static_cast<int>(random() % 60));
  norms[13] = 1e-9;
  double expected = 0;
  for (double norm : norms) expected += norm;
  std::vector<uint32_t> order(norms.size());
  std::iota(order.begin(), order.end(), 0);
  NormGather gather(50, 0);
  for (uint64_t step = 0; step < 20; ++step) {
    std::shuffle(order.begin(), order.end(), random);
    for (size_t i = 0; i < order.size(); ++i) {
      const auto total = gather.Add(step, order[i], norms[order[i]]);
      ASSERT_EQ(total.has_value(), i + 1 == order.size());
      if (total) {
        EXPECT_EQ(*total, expected);
      }
    }
  }
}

TEST(NormGatherTest, RepeatsAndOldStepsChangeNothing) {
  NormGather gather(2, 3);
  EXPECT_FALSE(gather.Add(3, 0, 1.0).has_value());
  EXPECT_FALSE(gather.Add(3, 0, 100.0).has_value());
  EXPECT_FALSE(gather.Add(2, 1, 100.0).has_value());
  EXPECT_EQ(gather.Add(3, 1, 2.0), 3.0);
  EXPECT_FALSE(gather.Add(3, 1, 2.0).has_value());
  EXPECT_EQ(gather.step(), 4u);
}

TEST(NormGatherTest, SkipsStepsThatNeedNoNorm) {
  NormGather gather(2, 0);
  EXPECT_FALSE(gather.Add(0, 0, 1.0).has_value());
  EXPECT_FALSE(gather.Add(1, 0, 7.0).has_value());
  gather.SkipTo(7);
  EXPECT_EQ(gather.step(), 7u);
  EXPECT_EQ(gather.Known(7, 0), std::nullopt);
  EXPECT_FALSE(gather.Add(7, 0, 1.0).has_value());
  gather.SkipTo(7);  // again
  gather.SkipTo(3);
  EXPECT_EQ(gather.Add(7, 1, 2.0), 3.0);
  EXPECT_EQ(gather.step(), 8u);
}

TEST(NormGatherTest, KeepsAPeersNormsOfTheNextStep) {
  NormGather gather(2, 0);
  EXPECT_FALSE(gather.Add(1, 1, 5.0).has_value());
  EXPECT_FALSE(gather.Add(0, 0, 1.0).has_value());
  EXPECT_EQ(gather.Known(0, 0), 1.0);
  EXPECT_EQ(gather.Known(0, 1), std::nullopt);
  EXPECT_EQ(gather.Add(0, 1, 1.0), 2.0);
  EXPECT_EQ(gather.Known(0, 0), 1.0);  // a peer may still lack it
  EXPECT_EQ(gather.Add(1, 0, 4.0), 9.0);
  EXPECT_EQ(gather.Known(0, 0), std::nullopt);
  EXPECT_EQ(gather.Known(1, 0), 4.0);
}

TEST(NormGatherTest, TheTotalOfTheStepBeforeIsKept) {
  NormGather gather(2, 0);
  EXPECT_EQ(gather.TotalBefore(), std::nullopt);
  gather.Add(0, 0, 1.0);
  EXPECT_EQ(gather.TotalBefore(), std::nullopt);
  gather.Add(0, 1, 2.0);
  gather.Add(1, 0, 8.0);
  EXPECT_EQ(gather.TotalBefore(), 3.0);
  gather.SkipTo(9);
  EXPECT_EQ(gather.TotalBefore(), std::nullopt) << "it was not gathered";
}

}  // namespace
}  // namespace hawser
