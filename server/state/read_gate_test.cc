#include "server/state/read_gate.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Verdict = ReadGate::Verdict;

TEST(ReadGateTest, ServesTheCurrentVersionAndTheOneBefore) {
  ReadGate gate(5);
  EXPECT_EQ(gate.Request(5, 1), Verdict::kServe);
  EXPECT_EQ(gate.Request(4, 2), Verdict::kServe);
  EXPECT_EQ(gate.Request(3, 3), Verdict::kRefuse);
  EXPECT_THAT(gate.Advance(), IsEmpty());
}

TEST(ReadGateTest, ParksAReadOfTheNextVersionUntilItIsReached) {
  ReadGate gate(0);
  EXPECT_EQ(gate.Request(1, 11), Verdict::kPark);
  EXPECT_EQ(gate.Request(1, 12), Verdict::kPark);
  EXPECT_THAT(gate.Advance(), ElementsAre(11, 12));
  EXPECT_EQ(gate.version(), 1u);
  EXPECT_THAT(gate.Advance(), IsEmpty());
}

TEST(ReadGateTest, RefusesWhatNoStepCanWant) {
  ReadGate gate(0);
  EXPECT_EQ(gate.Request(2, 1), Verdict::kRefuse);
  EXPECT_EQ(gate.Request(~uint64_t{0}, 2), Verdict::kRefuse);
}

TEST(ReadGateTest, HasALimit) {
  ReadGate gate(0);
  for (size_t i = 0; i < ReadGate::kMaxParked; ++i) {
    ASSERT_EQ(gate.Request(1, i), Verdict::kPark);
  }
  EXPECT_EQ(gate.Request(1, 0), Verdict::kFull);
  EXPECT_EQ(gate.Dismiss().size(), ReadGate::kMaxParked);
  EXPECT_EQ(gate.Request(1, 0), Verdict::kPark);
}

}  // namespace
}  // namespace hawser
