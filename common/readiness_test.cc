#include "common/readiness.h"

#include <vector>

#include "gtest/gtest.h"

namespace hawser {
namespace {

TEST(ReadinessTest, SaysWhyNotUntilItIsReady) {
  Readiness readiness("it starts");
  EXPECT_EQ(readiness.WhyNot(), "it starts");
  readiness.SetReady();
  EXPECT_EQ(readiness.WhyNot(), "");
  readiness.SetNotReady("no scheduler");
  EXPECT_EQ(readiness.WhyNot(), "no scheduler");
}

TEST(ReadinessTest, WhoeverWatchesIsToldAtOnceAndOfEachChange) {
  Readiness readiness("it starts");
  std::vector<bool> told;
  readiness.Watch([&](bool ready) { told.push_back(ready); });
  readiness.SetReady();
  readiness.SetStopping();
  EXPECT_EQ(told, std::vector<bool>({false, true, false}));
  readiness.Unwatch();
  readiness.SetReady();
  EXPECT_EQ(told.size(), 3u);
}

TEST(ReadinessTest, OneThatStopsIsNeverReadyAgain) {
  Readiness readiness("it starts");
  readiness.SetStopping();
  readiness.SetReady();
  EXPECT_EQ(readiness.WhyNot(), "it stops");
}

}  // namespace
}  // namespace hawser
