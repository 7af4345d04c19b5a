#include "server/state/staleness_gate.h"

#include <algorithm>
#include <map>
#include <set>

#include "common/counter_random.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

using Verdict = StalenessGate::Verdict;

TEST(StalenessGateTest, AReadWaitsForTheSlowestExactlyAsLongAsTheBoundSays) {
  StalenessGate gate;
  gate.Reset({1, 2}, 3);
  EXPECT_EQ(gate.Request(1, 3, 100), Verdict::kServe);  // needs pushes < 0
  EXPECT_EQ(gate.Request(1, 4, 101), Verdict::kPark);   // needs clock 1 of all
  EXPECT_TRUE(gate.Released().empty());
  EXPECT_TRUE(gate.Advance(2, 1));
  EXPECT_EQ(gate.Released(), std::vector<uint64_t>{101});
  EXPECT_EQ(gate.Request(1, 5, 102), Verdict::kPark);
  EXPECT_EQ(gate.Request(2, 2, 103), Verdict::kServe);  // says that it is at 2
  EXPECT_EQ(gate.Released(), std::vector<uint64_t>{102});
}

TEST(StalenessGateTest, WithoutSlackEverybodyWaitsForEverybody) {
  StalenessGate gate;
  gate.Reset({1, 2}, 0);
  EXPECT_EQ(gate.Request(1, 0, 1), Verdict::kServe);
  EXPECT_EQ(gate.Request(1, 1, 2), Verdict::kPark);
  EXPECT_TRUE(gate.Advance(2, 1));
  EXPECT_EQ(gate.Released(), std::vector<uint64_t>{2});
}

TEST(StalenessGateTest, WithoutABoundNobodyWaits) {
  StalenessGate gate;
  gate.Reset({1, 2}, std::nullopt);
  EXPECT_EQ(gate.Request(1, 1000, 1), Verdict::kServe);
}

TEST(StalenessGateTest, AStrangerIsRefused) {
  StalenessGate gate;
  gate.Reset({1}, 1);
  EXPECT_EQ(gate.Request(2, 0, 1), Verdict::kUnknown);
  EXPECT_FALSE(gate.Advance(2, 1));
}

TEST(StalenessGateTest, AClockNeverFalls) {
  StalenessGate gate;
  gate.Reset({1, 2}, 0);
  EXPECT_TRUE(gate.Advance(2, 5));
  EXPECT_TRUE(gate.Advance(2, 3));
  EXPECT_EQ(gate.clocks().clocks().at(2), 5u);
  EXPECT_EQ(gate.Request(1, 5, 1), Verdict::kServe);
}

TEST(StalenessGateTest, ANewSetOfWorkersForgetsTheParked) {
  StalenessGate gate;
  gate.Reset({1, 2}, 0);
  EXPECT_EQ(gate.Request(1, 1, 7), Verdict::kPark);
  EXPECT_EQ(gate.Dismiss(), std::vector<uint64_t>{7});
  gate.Reset({1}, 0);
  EXPECT_TRUE(gate.Released().empty());
  EXPECT_EQ(gate.Request(1, 9, 8), Verdict::kServe);  // alone
}

// Against the definition, with everything that is served checked when it is.
TEST(StalenessGateTest, AgreesWithTheDefinition) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const CounterRandom random(seed, RandomPurpose::kSampleOrder, 0);
    uint64_t draws = 0;
    const auto below = [&](uint64_t limit) {
      return random.Below(draws++, limit);
    };
    const uint64_t staleness = below(4);
    StalenessGate gate;
    std::map<uint64_t, uint64_t> clocks = {{0, 0}, {1, 0}, {2, 0}};
    std::map<uint64_t, uint64_t> parked;  // token to clock
    std::set<uint64_t> waiting;           // workers
    gate.Reset({0, 1, 2}, staleness);
    const auto allowed = [&](uint64_t clock) {
      return std::all_of(clocks.begin(), clocks.end(), [&](const auto& each) {
        return each.second + staleness >= clock;
      });
    };
    for (uint64_t token = 0; token < 300; ++token) {
      const uint64_t node = below(3);
      if (waiting.count(node) != 0) continue;
      ASSERT_TRUE(gate.Advance(node, ++clocks[node]));
      if (gate.Request(node, clocks[node], token) == Verdict::kServe) {
        EXPECT_TRUE(allowed(clocks[node])) << "seed " << seed;
      } else {
        EXPECT_FALSE(allowed(clocks[node])) << "seed " << seed;
        parked[token] = node;
        waiting.insert(node);
      }
      for (const uint64_t released : gate.Released()) {
        EXPECT_TRUE(allowed(clocks[parked.at(released)])) << "seed " << seed;
        waiting.erase(parked.at(released));
        parked.erase(released);
      }
      for (const auto& [each, who] : parked) {
        EXPECT_FALSE(allowed(clocks[who])) << "seed " << seed;
      }
      EXPECT_LT(waiting.size(), 3u) << "everybody waits, seed " << seed;
    }
  }
}

}  // namespace
}  // namespace hawser
