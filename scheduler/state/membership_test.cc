#include "scheduler/state/membership.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const absl::Time kStart = absl::FromUnixSeconds(1000);
constexpr absl::Duration kLease = absl::Seconds(5);

Membership::Lost Gone(uint64_t node) { return {node, false}; }

TEST(MembershipTest, ALeaseEndsAtItsDeadlineAndHeartbeatsMoveIt) {
  Membership membership(kLease);
  EXPECT_EQ(membership.NextDeadline(), absl::InfiniteFuture());
  membership.Register(1, RegisterRequest(), kStart);
  membership.Register(2, RegisterRequest(), kStart);
  EXPECT_EQ(membership.NextDeadline(), kStart + kLease);
  EXPECT_TRUE(membership.Renew(2, kStart + absl::Seconds(3)));
  EXPECT_THAT(membership.Expire(kStart + kLease - absl::Nanoseconds(1)),
              IsEmpty());
  EXPECT_THAT(membership.Expire(kStart + kLease), ElementsAre(Gone(1)));
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
  EXPECT_THAT(membership.Expire(kStart + kLease),
              ElementsAre(Gone(3), Gone(7), Gone(9)));
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

RegisterRequest From(Role role, const std::string& address, uint64_t process,
                     uint64_t former_node) {
  RegisterRequest request;
  request.set_role(role);
  request.set_address(address);
  request.set_host("ship");
  request.set_process(process);
  request.set_former_node(former_node);
  return request;
}

TEST(MembershipTest, TheOneThatIsAwaitedGetsItsNumberBack) {
  Membership membership(kLease);
  membership.Await(4, {SERVER, "here"}, kStart);
  membership.Await(5, {WORKER, ""}, kStart);
  EXPECT_EQ(membership.Find(4), nullptr) << "it is not there yet";
  EXPECT_EQ(membership.FindServer("here"), 4u) << "but has its place";
  EXPECT_TRUE(membership.servers().empty());
  EXPECT_FALSE(membership.Renew(4, kStart)) << "it must say who it is";
  EXPECT_TRUE(membership.MayComeBack(From(SERVER, "here", 77, 4)));
  membership.Register(4, From(SERVER, "here", 77, 4), kStart);
  EXPECT_FALSE(membership.IsAwaited(4));
  EXPECT_TRUE(membership.Renew(4, kStart + absl::Seconds(1)));
  EXPECT_EQ(membership.servers().at("here"), 4u);
  // It was not told, and asks once more.
  EXPECT_TRUE(membership.MayComeBack(From(SERVER, "here", 77, 4)));
  EXPECT_TRUE(membership.MayComeBack(From(WORKER, "", 78, 5)));
}

TEST(MembershipTest, NobodyElseGetsANumberThatIsAwaited) {
  Membership membership(kLease);
  membership.Await(4, {SERVER, "here"}, kStart);
  membership.Await(5, {WORKER, ""}, kStart);
  EXPECT_FALSE(membership.MayComeBack(From(SERVER, "here", 77, 0)));
  EXPECT_FALSE(membership.MayComeBack(From(SERVER, "there", 77, 4)));
  EXPECT_FALSE(membership.MayComeBack(From(WORKER, "here", 77, 4)));
  EXPECT_FALSE(membership.MayComeBack(From(SERVER, "", 77, 5)));
  EXPECT_FALSE(membership.MayComeBack(From(WORKER, "", 77, 6)));
  membership.Register(4, From(SERVER, "here", 77, 4), kStart);
  EXPECT_FALSE(membership.MayComeBack(From(SERVER, "here", 78, 4)))
      << "another process";
  // One that was never awaited, too, comes back under another number.
  membership.Register(9, From(WORKER, "", 79, 0), kStart);
  EXPECT_FALSE(membership.MayComeBack(From(WORKER, "", 79, 9)));
  // One that is gone is gone for good.
  EXPECT_TRUE(membership.Deregister(4));
  EXPECT_FALSE(membership.MayComeBack(From(SERVER, "here", 77, 4)));
}

TEST(MembershipTest, WhoeverIsAwaitedTooLongIsLost) {
  Membership membership(kLease);
  membership.Await(4, {SERVER, "here"}, kStart);
  membership.Await(5, {WORKER, ""}, kStart);
  membership.Await(6, {WORKER, ""}, kStart);
  membership.Register(5, From(WORKER, "", 77, 5), kStart + absl::Seconds(1));
  EXPECT_TRUE(membership.Deregister(6)) << "it leaves before it is back";
  EXPECT_TRUE(membership.Renew(5, kStart + absl::Seconds(5)));
  const absl::Time over = kStart + kLease + Membership::kComeBack;
  EXPECT_EQ(membership.NextDeadline(), over);
  EXPECT_THAT(membership.Expire(over - absl::Nanoseconds(1)), IsEmpty());
  EXPECT_THAT(membership.Expire(over),
              ElementsAre(Membership::Lost{4, /*was_awaited=*/true}));
  EXPECT_FALSE(membership.IsAwaited(4));
  EXPECT_FALSE(membership.MayComeBack(From(SERVER, "here", 77, 4)));
  EXPECT_EQ(membership.FindServer("here"), std::nullopt);
  EXPECT_NE(membership.Find(5), nullptr);
}

TEST(MembershipTest, EachLossCountsOnceByRoleAndReason) {
  Membership membership(kLease);
  membership.Register(1, From(SERVER, "here", 77, 0), kStart);
  membership.Register(2, From(WORKER, "", 78, 0), kStart);
  membership.Register(3, From(WORKER, "", 79, 0), kStart);
  membership.Await(4, {WORKER, ""}, kStart);
  membership.Deregister(1, LossReason::kStartedOver);
  membership.Deregister(2);
  membership.Deregister(2);
  membership.Expire(kStart + absl::Hours(1));
  EXPECT_EQ(membership.losses(),
            MemberLosses({{{SERVER, LossReason::kStartedOver}, 1},
                          {{WORKER, LossReason::kLeft}, 1},
                          {{WORKER, LossReason::kLeaseExpired}, 1},
                          {{WORKER, LossReason::kDidNotComeBack}, 1}}));
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
