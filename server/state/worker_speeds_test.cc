#include "server/state/worker_speeds.h"

#include <cmath>
#include <limits>

#include "common/counter_random.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

TEST(WorkerSpeedsTest, WhatIsNotKnownIsTheMeanOfWhatIs) {
  WorkerSpeeds speeds;
  speeds.Reset(4);
  EXPECT_EQ(speeds.Of(1), 1);
  EXPECT_EQ(speeds.Total(), 4);
  speeds.Set(1, 0.5);
  speeds.Set(2, 0.25);
  EXPECT_EQ(speeds.Of(1), 2);
  EXPECT_EQ(speeds.SecondsOf(2), 0.25);
  EXPECT_EQ(speeds.Of(3), 3);
  EXPECT_EQ(speeds.Total(), 12);
  EXPECT_EQ(speeds.MostSeconds(), 0.5);
  EXPECT_EQ(speeds.LeastSeconds(), 0.25);
  speeds.Set(1, 0.25);
  EXPECT_EQ(speeds.Of(3), 4);
  speeds.Reset(2);
  EXPECT_EQ(speeds.Of(1), 1);
  EXPECT_EQ(speeds.Total(), 2);
}

TEST(WorkerSpeedsTest, WhatWasNotMeasuredChangesNothing) {
  WorkerSpeeds speeds;
  speeds.Reset(2);
  speeds.Set(1, 0.5);
  speeds.Set(1, 0);
  speeds.Set(1, -1);
  speeds.Set(1, std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(speeds.Of(1), 2);
}

// A worker's word is no reason to compute nonsense.
TEST(WorkerSpeedsTest, AnyNumberLeavesSpeedsThatCanBeDividedBy) {
  const double given[] = {
      1e-320, 1e-9, 1, 1e9, 1e300, std::numeric_limits<double>::infinity()};
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const CounterRandom random(seed, RandomPurpose::kSampleOrder);
    WorkerSpeeds speeds;
    speeds.Reset(3);
    for (uint64_t i = 0; i < 20; ++i) {
      speeds.Set(random.Below(2 * i, 3), given[random.Below(2 * i + 1, 6)]);
      for (uint64_t node = 0; node < 3; ++node) {
        const double part = speeds.Of(node) / speeds.Total();
        ASSERT_TRUE(part > 0 && part <= 1.000001) << part;
        ASSERT_TRUE(std::isfinite(speeds.SecondsOf(node)));
      }
    }
  }
}

}  // namespace
}  // namespace hawser
