#include "scheduler/member_identities.h"

#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr auto kDenied = absl::StatusCode::kPermissionDenied;
const Identity kServer = {"pool", Identity::Role::kServer};
const Identity kWorker = {"gang", Identity::Role::kWorker};
const Identity kOther = {"other", Identity::Role::kWorker};

RegisterRequest As(Role role, uint64_t former = 0) {
  RegisterRequest request;
  request.set_role(role);
  request.set_former_node(former);
  return request;
}

TEST(MemberIdentitiesTest, EachRegistersAsWhatItIs) {
  const MemberIdentities identities;
  EXPECT_TRUE(identities.CheckRegistration(&kServer, As(SERVER)).ok());
  EXPECT_TRUE(identities.CheckRegistration(&kWorker, As(WORKER)).ok());
  EXPECT_EQ(identities.CheckRegistration(&kServer, As(WORKER)).code(), kDenied);
  EXPECT_EQ(identities.CheckRegistration(&kWorker, As(SERVER)).code(), kDenied);
  EXPECT_EQ(identities.CheckRegistration(&kWorker, As(ROLE_UNSPECIFIED)).code(),
            kDenied);
}

TEST(MemberIdentitiesTest, NobodySpeaksForAnothersNode) {
  MemberIdentities identities;
  identities.Registered(&kWorker, 7);
  EXPECT_TRUE(identities.CheckNode(&kWorker, 7).ok());
  EXPECT_TRUE(identities.CheckRegistration(&kWorker, As(WORKER, 7)).ok());
  EXPECT_EQ(identities.CheckNode(&kOther, 7).code(), kDenied);
  EXPECT_EQ(identities.CheckNode(&kServer, 7).code(), kDenied);
  EXPECT_EQ(identities.CheckRegistration(&kOther, As(WORKER, 7)).code(),
            kDenied);
  // The scheduler knows no such node, and says so itself.
  EXPECT_TRUE(identities.CheckNode(&kOther, 8).ok());
}

TEST(MemberIdentitiesTest, WithoutTokensEverybodyMay) {
  MemberIdentities identities;
  EXPECT_TRUE(identities.CheckRegistration(nullptr, As(SERVER)).ok());
  identities.Registered(nullptr, 7);
  EXPECT_TRUE(identities.CheckNode(&kOther, 7).ok());
}

TEST(MemberIdentitiesTest, OnlySoManyNodesAreKept) {
  MemberIdentities identities;
  for (uint64_t node = 1; node <= MemberIdentities::kMostNodes + 1; ++node) {
    identities.Registered(&kWorker, node);
  }
  EXPECT_TRUE(identities.CheckNode(&kOther, 1).ok());  // forgotten
  EXPECT_EQ(identities.CheckNode(&kOther, 2).code(), kDenied);
}

}  // namespace
}  // namespace hawser
