#include "tests/simulation/links.h"

#include "gtest/gtest.h"

namespace hawser::simulation {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1000);

absl::Duration Seconds(absl::Time time) { return time - kStart; }

TEST(LinksTest, WithoutASpeedNothingTakesTime) {
  Links links;
  EXPECT_EQ(links.Transfer(1, 2, 10, 1000, kStart), kStart);
}

TEST(LinksTest, TheSlowerEndSetsTheTimeAndEachSendsOneAfterTheOther) {
  Links links;
  links.SetParameterFactor(10);
  links.SetSpeed(1, 100);
  links.SetSpeed(2, 50);
  links.SetSpeed(3, 100);
  EXPECT_EQ(Seconds(links.Transfer(1, 2, 55, 5, kStart)), absl::Seconds(2));
  // Process 1 is free after one second, process 3 all the time.
  EXPECT_EQ(Seconds(links.Transfer(1, 3, 100, 0, kStart)), absl::Seconds(2));
  // The other direction is free.
  EXPECT_EQ(Seconds(links.Transfer(2, 1, 50, 0, kStart)), absl::Seconds(1));
  // What has passed is past.
  EXPECT_EQ(Seconds(links.Transfer(1, 2, 50, 0, kStart + absl::Seconds(9))),
            absl::Seconds(10));
}

TEST(LinksTest, NobodyWaitsForAMessageThatWaitsElsewhere) {
  Links links;
  links.SetSpeed(1, 1);
  links.SetSpeed(2, 100);
  links.SetSpeed(3, 100);
  EXPECT_EQ(Seconds(links.Transfer(1, 3, 100, 0, kStart)), absl::Seconds(100));
  EXPECT_EQ(Seconds(links.Transfer(2, 3, 100, 0, kStart)), absl::Seconds(2));
}

}  // namespace
}  // namespace hawser::simulation
