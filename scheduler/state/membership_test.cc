#include "scheduler/state/membership.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const absl::Time kStart = absl::FromUnixSeconds(1000);
constexpr absl::Duration kLease = absl::Seconds(5);

TEST(MembershipTest, ALeaseEndsAtItsDeadlineAndHeartbeatsMoveIt) {
  Membership membership(kLease);
  EXPECT_EQ(membership.NextDeadline(), absl::InfiniteFuture());
  membership.Register(1, RegisterRequest(), kStart);
  membership.Register(2, RegisterRequest(), kStart);
  EXPECT_EQ(membership.NextDeadline(), kStart + kLease);
  EXPECT_TRUE(membership.Renew(2, kStart + absl::Seconds(3)));
  EXPECT_THAT(membership.Expire(kStart + kLease - absl::Nanoseconds(1)),
              IsEmpty());
  EXPECT_THAT(membership.Expire(kStart + kLease), ElementsAre(1));
  EXPECT_EQ(membership.Find(1), nullptr);
  EXPECT_FALSE(membership.Renew(1, kStart + kLease));  // gone for good
  EXPECT_EQ(membership.NextDeadline(), kStart + absl::Seconds(8));
}

TEST(MembershipTest, ALateHeartbeatNeverShortensALease) {
  Membership membership(kLease);
  membership.Register(1, RegisterRequest(), kStart);
  EXPECT_TRUE(membership.Renew(1, kStart + absl::Seconds(2)));
  EXPECT_TRUE(membership.Renew(1, kStart + absl::Seconds(1)));
  EXPECT_EQ(membership.NextDeadline(), kStart + absl::Seconds(7));
}

TEST(MembershipTest, LeavingIsAtOnceAndOnce) {
  Membership membership(kLease);
  membership.Register(1, RegisterRequest(), kStart);
  EXPECT_TRUE(membership.Deregister(1));
  EXPECT_FALSE(membership.Deregister(1));
  EXPECT_THAT(membership.Expire(kStart + absl::Hours(1)), IsEmpty());
}

}  // namespace
}  // namespace hawser
