#include "client/audit/step_ledger.h"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr auto kForbidden = StepLedger::Overlap::kForbidden;
constexpr auto kReplaces = StepLedger::Overlap::kReplaces;

TEST(StepLedgerTest, StepsAreCompleteInOrder) {
  StepLedger ledger(4);
  EXPECT_TRUE(ledger.Count(0, 2, 4, kForbidden));
  EXPECT_TRUE(ledger.Count(1, 0, 4, kForbidden));
  EXPECT_TRUE(ledger.Count(0, 0, 1, kForbidden));
  EXPECT_EQ(ledger.complete_steps(), 0u);
  EXPECT_EQ(ledger.ranges(), 3u);
  EXPECT_TRUE(ledger.Count(0, 1, 2, kForbidden));
  EXPECT_EQ(ledger.complete_steps(), 2u);
  EXPECT_EQ(ledger.ranges(), 0u);
  EXPECT_FALSE(ledger.Count(1, 0, 4, kForbidden));
  EXPECT_EQ(ledger.complete_steps(), 2u);
}

TEST(StepLedgerTest, TwiceOrPartlyTwice) {
  const std::vector<std::pair<uint64_t, uint64_t>> ranges = {
      {2, 4}, {2, 3}, {3, 4}, {1, 3}, {3, 5}, {1, 5}, {0, 8}};
  for (const auto& [first, last] : ranges) {
    StepLedger ledger(8);
    EXPECT_TRUE(ledger.Count(0, 2, 4, kForbidden));
    EXPECT_FALSE(ledger.Count(0, first, last, kForbidden)) << first;
  }
  for (const auto& [first, last] : {ranges[5], ranges[6]}) {
    StepLedger ledger(8);
    EXPECT_TRUE(ledger.Count(0, 2, 4, kReplaces));
    EXPECT_TRUE(ledger.Count(0, first, last, kReplaces)) << first;
  }
  for (size_t i = 0; i < 5; ++i) {
    StepLedger ledger(8);
    EXPECT_TRUE(ledger.Count(0, 2, 4, kReplaces));
    EXPECT_FALSE(ledger.Count(0, ranges[i].first, ranges[i].second, kReplaces));
  }
}

TEST(StepLedgerTest, ASumReplacesAllThoseBelowIt) {
  StepLedger ledger(4);
  EXPECT_TRUE(ledger.Count(0, 0, 1, kReplaces));
  EXPECT_TRUE(ledger.Count(0, 1, 2, kReplaces));
  EXPECT_TRUE(ledger.Count(0, 0, 2, kReplaces));
  EXPECT_FALSE(ledger.Count(0, 0, 2, kReplaces));
  EXPECT_FALSE(ledger.Count(0, 1, 2, kReplaces));
  EXPECT_TRUE(ledger.Count(0, 2, 4, kReplaces));
  EXPECT_EQ(ledger.complete_steps(), 1u);
  // Nothing replaces a whole step.
  EXPECT_FALSE(ledger.Count(0, 0, 4, kReplaces));
}

TEST(StepLedgerTest, NeighboursAreOneRange) {
  StepLedger ledger(1000);
  for (uint64_t m = 0; m < 500; ++m) {
    EXPECT_TRUE(ledger.Count(7, m, m + 1, kForbidden));
    EXPECT_TRUE(ledger.Count(7, 999 - m, 1000 - m, kForbidden));
    EXPECT_EQ(ledger.ranges(), m == 499 ? 1u : 2u);
  }
  // A straggler in step 0 leaves one range for each step after it.
  for (uint64_t step = 1; step < 7; ++step) {
    EXPECT_TRUE(ledger.Count(step, 0, 1000, kForbidden));
  }
  EXPECT_EQ(ledger.ranges(), 7u);
  EXPECT_TRUE(ledger.Count(0, 0, 1000, kForbidden));
  EXPECT_EQ(ledger.ranges(), 0u);
  EXPECT_EQ(ledger.complete_steps(), 8u);
}

// Against a count for each micro-batch.
TEST(StepLedgerTest, RandomRanges) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    const uint64_t micro_batches = 1 + random() % 9;
    StepLedger ledger(micro_batches);
    std::map<uint64_t, std::vector<bool>> counted;
    uint64_t complete = 0;
    for (int i = 0; i < 100; ++i) {
      const uint64_t step = complete + random() % 3;
      const uint64_t first = random() % micro_batches;
      const uint64_t last = first + 1 + random() % (micro_batches - first);
      std::vector<bool>& step_counted = counted[step];
      step_counted.resize(micro_batches);
      bool once = true;
      for (uint64_t m = first; m < last; ++m) {
        if (step_counted[m]) once = false;
        step_counted[m] = true;
      }
      ASSERT_EQ(ledger.Count(step, first, last, kForbidden), once);
      while (std::count(counted[complete].begin(), counted[complete].end(),
                        true) == static_cast<int>(micro_batches)) {
        ++complete;
      }
      ASSERT_EQ(ledger.complete_steps(), complete);
      ASSERT_LE(ledger.ranges(), 3 * (micro_batches + 1) / 2);
    }
  }
}

}  // namespace
}  // namespace hawser
