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

TEST(MembershipTest, AllWhoseTimeHasComeAreLostTogetherInOrder) {
  Membership membership(kLease);
  for (const uint64_t node : {7, 3, 9}) {
    membership.Register(node, RegisterRequest(), kStart);
  }
  membership.Register(5, RegisterRequest(), kStart + absl::Seconds(1));
  EXPECT_THAT(membership.Expire(kStart + kLease), ElementsAre(3, 7, 9));
  EXPECT_THAT(membership.Expire(kStart + kLease), IsEmpty());  // once
  EXPECT_EQ(membership.members().size(), 1u);
  EXPECT_EQ(membership.NextDeadline(), kStart + absl::Seconds(6));
}

TEST(MembershipTest, AMemberIsWhatItRegisteredAs) {
  Membership membership(kLease);
  RegisterRequest request;
  request.set_role(SERVER);
  request.set_address("10.0.0.1:4000");
  request.set_host("ship");
  request.set_process(77);
  membership.Register(1, request, kStart);
  const Member* member = membership.Find(1);
  ASSERT_NE(member, nullptr);
  EXPECT_EQ(member->role, SERVER);
  EXPECT_EQ(member->address, "10.0.0.1:4000");
  EXPECT_EQ(member->host, "ship");
  EXPECT_EQ(member->process, 77u);
  EXPECT_EQ(member->last_heartbeat, kStart);
  EXPECT_FALSE(membership.Renew(2, kStart));  // nobody
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
