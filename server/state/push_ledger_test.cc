#include "server/state/push_ledger.h"

#include <algorithm>
#include <vector>

#include "common/counter_random.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using Verdict = PushLedger::Verdict;

TEST(PushLedgerTest, ARunCountsOnce) {
  PushLedger ledger(0);
  EXPECT_EQ(ledger.Arrive(4, 4), Verdict::kCount);
  EXPECT_EQ(ledger.floor(), 0u);
  EXPECT_EQ(ledger.ceiling(), 8u);
  EXPECT_EQ(ledger.Arrive(4, 4), Verdict::kRepeat);
  EXPECT_EQ(ledger.Arrive(5, 2), Verdict::kRepeat);
  EXPECT_EQ(ledger.Arrive(0, 4), Verdict::kCount);
  EXPECT_EQ(ledger.floor(), 8u);
  EXPECT_EQ(ledger.Arrive(0, 8), Verdict::kRepeat);
}

TEST(PushLedgerTest, ARunThatIsPartlyCountedIsRefused) {
  PushLedger ledger(10);
  EXPECT_EQ(ledger.Arrive(9, 2), Verdict::kOverlap);
  EXPECT_EQ(ledger.Arrive(20, 5), Verdict::kCount);
  EXPECT_EQ(ledger.Arrive(19, 2), Verdict::kOverlap);
  EXPECT_EQ(ledger.Arrive(24, 2), Verdict::kOverlap);
  EXPECT_EQ(ledger.Arrive(18, 9), Verdict::kOverlap);
  EXPECT_EQ(ledger.ceiling(), 25u);
}

TEST(PushLedgerTest, GoesOnElsewhere) {
  PushLedger ledger(10);
  ledger.Arrive(12, 2);
  ledger.Arrive(20, 5);
  PushLedger moved(ledger.Counted());
  EXPECT_EQ(moved.floor(), 10u);
  EXPECT_EQ(moved.ceiling(), 25u);
  EXPECT_EQ(moved.Arrive(12, 2), Verdict::kRepeat);
  EXPECT_EQ(moved.Arrive(13, 2), Verdict::kOverlap);
  EXPECT_EQ(moved.Arrive(10, 2), Verdict::kCount);
  EXPECT_EQ(moved.floor(), 14u);
}

// Against a row of flags.
TEST(PushLedgerTest, AgreesWithARowOfFlags) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const CounterRandom random(seed, RandomPurpose::kSampleOrder, 0);
    PushLedger ledger(0);
    std::vector<bool> counted(64, false);
    for (uint64_t i = 0; i < 200; ++i) {
      const uint64_t first = random.Below(2 * i, 56);
      const uint64_t count = 1 + random.Below(2 * i + 1, 8);
      const auto begin = counted.begin() + static_cast<int64_t>(first);
      const auto end = begin + static_cast<int64_t>(count);
      const auto known = std::count(begin, end, true);
      const Verdict verdict = ledger.Arrive(first, count);
      if (known == 0) {
        EXPECT_EQ(verdict, Verdict::kCount) << "seed " << seed;
        std::fill(begin, end, true);
      } else if (known == static_cast<int64_t>(count)) {
        EXPECT_EQ(verdict, Verdict::kRepeat) << "seed " << seed;
      } else {
        EXPECT_EQ(verdict, Verdict::kOverlap) << "seed " << seed;
      }
      const auto gap = std::find(counted.begin(), counted.end(), false);
      EXPECT_EQ(ledger.floor(), static_cast<uint64_t>(gap - counted.begin()));
    }
  }
}

}  // namespace
}  // namespace hawser
