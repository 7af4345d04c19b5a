#include "scheduler/state/leadership.h"

#include "gtest/gtest.h"

namespace hawser {
namespace {

using Step = Leadership::Step;

constexpr absl::Duration kLease = absl::Seconds(5);
constexpr int64_t kLeaseId = 77;
constexpr int64_t kRevision = 1000;

const absl::Time kStart = absl::FromUnixSeconds(100);

absl::Time At(double seconds) { return kStart + absl::Seconds(seconds); }

Leadership::Holder Other() { return {500, 33, "other:1"}; }
Leadership::Holder Own(int64_t lease = kLeaseId) {
  return {kRevision, lease, "own:1"};
}

// One that has led since it asked for its lease at At(0).
Leadership Leader() {
  Leadership leadership({kLease});
  leadership.Looked(std::nullopt, At(0));
  leadership.Granted(kLeaseId, kLease, /*sent=*/At(0), At(0.1));
  leadership.Claimed(Own(), At(0.2));
  return leadership;
}

TEST(LeadershipTest, LeadsOnceTheKeyIsItsOwn) {
  Leadership leadership({kLease});
  EXPECT_EQ(leadership.NextStep(At(0)), Step::kLook);
  leadership.Looked(std::nullopt, At(0));
  EXPECT_EQ(leadership.NextStep(At(0)), Step::kAskForLease);
  leadership.Granted(kLeaseId, kLease, At(0), At(0.1));
  EXPECT_EQ(leadership.NextStep(At(0.1)), Step::kClaim);
  EXPECT_EQ(leadership.Leads(At(0.1)), std::nullopt);
  leadership.Claimed(Own(), At(0.2));
  EXPECT_EQ(leadership.Leads(At(0.2)), kRevision);
  EXPECT_EQ(leadership.NextStep(At(0.2)), Step::kWait);
  EXPECT_EQ(leadership.NextStep(At(1.2)), Step::kRenew);
}

TEST(LeadershipTest, StandsByWhileAnotherLeads) {
  Leadership leadership({kLease});
  leadership.Looked(Other(), At(0));
  EXPECT_EQ(leadership.NextStep(At(0)), Step::kWait);
  EXPECT_EQ(leadership.holder()->address, "other:1");
  EXPECT_EQ(leadership.NextDeadline(), At(0.5));
  EXPECT_EQ(leadership.NextStep(At(0.5)), Step::kLook);
}

TEST(LeadershipTest, WhoComesSecondGivesItsLeaseUp) {
  Leadership leadership({kLease});
  leadership.Looked(std::nullopt, At(0));
  leadership.Granted(kLeaseId, kLease, At(0), At(0.1));
  leadership.Claimed(Other(), At(0.2));
  EXPECT_EQ(leadership.Leads(At(0.2)), std::nullopt);
  EXPECT_EQ(leadership.NextStep(At(0.2)), Step::kGiveUpLease);
  EXPECT_EQ(leadership.old_lease(), kLeaseId);
  leadership.LeaseGivenUp(kLeaseId);
  EXPECT_EQ(leadership.NextStep(At(0.2)), Step::kLook);
}

TEST(LeadershipTest, StopsAMarginBeforeTheLeaseEnds) {
  Leadership leadership = Leader();
  // 5 s from when it was asked for, less a fifth.
  EXPECT_EQ(leadership.NextDeadline(), At(1.2));
  EXPECT_TRUE(leadership.Leads(At(3.9)).has_value());
  EXPECT_FALSE(leadership.Leads(At(4)).has_value());
  EXPECT_TRUE(leadership.Tick(At(4)));
  EXPECT_FALSE(leadership.Tick(At(4.1)));  // said once
  EXPECT_EQ(leadership.NextStep(At(4)), Step::kGiveUpLease);
}

TEST(LeadershipTest, ARenewalCountsFromWhenItWasSent) {
  Leadership leadership = Leader();
  leadership.Renewed(kLease, /*sent=*/At(1), At(3));
  EXPECT_TRUE(leadership.Leads(At(4.9)).has_value());
  EXPECT_FALSE(leadership.Leads(At(5)).has_value());
}

TEST(LeadershipTest, AnAnswerThatComesTooLateIsNoLease) {
  Leadership leadership = Leader();
  leadership.Renewed(kLease, /*sent=*/At(0), At(4.5));
  EXPECT_FALSE(leadership.Leads(At(4.5)).has_value());
  EXPECT_EQ(leadership.NextStep(At(4.5)), Step::kGiveUpLease);

  Leadership candidate({kLease});
  candidate.Looked(std::nullopt, At(0));
  candidate.Granted(kLeaseId, kLease, At(0), At(4.5));
  EXPECT_NE(candidate.NextStep(At(4.5)), Step::kClaim);
}

TEST(LeadershipTest, ALeaseThatIsGoneEndsIt) {
  Leadership leadership = Leader();
  leadership.Renewed(absl::ZeroDuration(), At(1), At(1.1));
  EXPECT_FALSE(leadership.Leads(At(1.1)).has_value());
  EXPECT_EQ(leadership.NextStep(At(1.1)), Step::kLook);  // nothing to give up
}

TEST(LeadershipTest, AsksAgainWhatWasNotAnswered) {
  Leadership leadership = Leader();
  leadership.Failed(At(1.2));
  EXPECT_TRUE(leadership.Leads(At(1.2)).has_value());
  EXPECT_EQ(leadership.NextStep(At(1.2)), Step::kWait);
  EXPECT_EQ(leadership.NextStep(At(1.45)), Step::kRenew);
}

// The claim happened, its answer was lost, and it is asked again.
TEST(LeadershipTest, RecognisesItsOwnKey) {
  Leadership leadership({kLease});
  leadership.Looked(std::nullopt, At(0));
  leadership.Granted(kLeaseId, kLease, At(0), At(0.1));
  leadership.Failed(At(1));
  EXPECT_EQ(leadership.NextStep(At(1.25)), Step::kClaim);
  leadership.Claimed(Own(), At(1.3));
  EXPECT_EQ(leadership.Leads(At(1.3)), kRevision);
}

TEST(LeadershipTest, AKeyOfAnEarlierAttemptIsNotItsOwn) {
  Leadership leadership({kLease});
  leadership.Looked(Own(/*lease=*/76), At(0));
  EXPECT_EQ(leadership.Leads(At(0)), std::nullopt);
  leadership.Looked(std::nullopt, At(1));
  leadership.Granted(kLeaseId, kLease, At(1), At(1));
  leadership.Claimed(Own(/*lease=*/76), At(1));
  EXPECT_EQ(leadership.Leads(At(1)), std::nullopt);
}

TEST(LeadershipTest, WhoResignsLetsOthersTryFirst) {
  Leadership leadership = Leader();
  leadership.Resign(At(1));
  EXPECT_FALSE(leadership.Leads(At(1)).has_value());
  EXPECT_EQ(leadership.NextStep(At(1)), Step::kGiveUpLease);
  leadership.LeaseGivenUp(kLeaseId);
  EXPECT_EQ(leadership.NextStep(At(1.1)), Step::kWait);
  EXPECT_EQ(leadership.NextStep(At(1.5)), Step::kLook);
}

// Answers to what was asked before it resigned change nothing.
TEST(LeadershipTest, AnswersOfAnEarlierAttemptChangeNothing) {
  Leadership leadership = Leader();
  leadership.Resign(At(1));
  leadership.Renewed(kLease, At(1), At(1));
  leadership.Claimed(Own(), At(1));
  leadership.Granted(kLeaseId, kLease, At(1), At(1));
  EXPECT_FALSE(leadership.Leads(At(1)).has_value());
  EXPECT_EQ(leadership.lease(), 0);
}

}  // namespace
}  // namespace hawser
