#include "worker/idle_exit.h"

#include "absl/synchronization/notification.h"
#include "common/clock.h"
#include "common/threads.h"
#include "gtest/gtest.h"
#include "worker/idle_watch.h"

namespace hawser {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

absl::Time At(int seconds) { return absl::FromUnixSeconds(seconds); }

TEST(IdleExitTest, LeavesAfterItsWork) {
  IdleExit idle(kPatience);
  idle.Follow(true, At(10));
  EXPECT_EQ(idle.NextDeadline(), absl::InfiniteFuture());
  idle.Follow(false, At(20));
  EXPECT_EQ(idle.NextDeadline(), At(80));
}

TEST(IdleExitTest, WaitsForItsFirstWork) {
  IdleExit idle(kPatience);
  idle.Follow(false, At(10));
  EXPECT_EQ(idle.NextDeadline(), absl::InfiniteFuture());
}

TEST(IdleExitTest, WorkThatComesAgainKeepsIt) {
  IdleExit idle(kPatience);
  idle.Follow(true, At(10));
  idle.Follow(false, At(20));
  idle.Follow(true, At(30));
  EXPECT_EQ(idle.NextDeadline(), absl::InfiniteFuture());
}

TEST(IdleExitTest, OrdersThatSayTheSameAgainGiveNoMoreTime) {
  IdleExit idle(kPatience);
  idle.Follow(true, At(10));
  idle.Follow(false, At(20));
  idle.Follow(false, At(50));
  EXPECT_EQ(idle.NextDeadline(), At(80));
}

TEST(IdleExitTest, WithoutPatienceItStays) {
  IdleExit idle(absl::ZeroDuration());
  idle.Follow(true, At(10));
  idle.Follow(false, At(20));
  EXPECT_EQ(idle.NextDeadline(), absl::InfiniteFuture());
}

TEST(IdleWatchTest, SaysSo) {
  const RealClock clock;
  absl::Notification left;
  IdleWatch watch(absl::Milliseconds(1), &clock, RealThreads(),
                  [&] { left.Notify(); });
  watch.Follow(true);
  watch.Follow(false);
  left.WaitForNotification();
}

TEST(IdleWatchTest, EndsWithoutHavingSaidIt) {
  const RealClock clock;
  bool left = false;
  {
    IdleWatch watch(absl::Hours(1), &clock, RealThreads(),
                    [&] { left = true; });
    watch.Follow(true);
    watch.Follow(false);
  }
  EXPECT_FALSE(left);
}

}  // namespace
}  // namespace hawser
