#include "tests/simulation/timeline.h"

#include <set>
#include <string>

#include "gtest/gtest.h"
#include "tests/simulation/event_log.h"
#include "tests/simulation/seeded_random.h"

namespace hawser::simulation {
namespace {

TEST(TimelineTest, InOrderOfTimeThenOfAsking) {
  Timeline timeline;
  std::string order;
  timeline.After(absl::Seconds(2), [&] { order += "c"; });
  timeline.After(absl::Seconds(1), [&] {
    order += "a";
    timeline.After(absl::ZeroDuration(), [&] { order += "b"; });
  });
  timeline.After(absl::Seconds(2), [&] { order += "d"; });
  timeline.After(absl::Seconds(-1), [&] { order += "0"; });
  while (timeline.RunNext()) {
  }
  EXPECT_EQ(order, "0abcd");
  EXPECT_EQ(timeline.elapsed(), absl::Seconds(2));
  EXPECT_EQ(timeline.executed(), 5u);
}

TEST(SeededRandomTest, AFunctionOfSeedAndPurpose) {
  using Purpose = SeededRandom::Purpose;
  SeededRandom a(1, Purpose::kSetup), same(1, Purpose::kSetup);
  SeededRandom other(1, Purpose::kDisk), next(2, Purpose::kSetup);
  std::set<uint64_t> seen;
  for (int i = 0; i < 100; ++i) {
    const uint64_t value = a.Next();
    EXPECT_EQ(same.Next(), value);
    seen.insert({value, other.Next(), next.Next()});
  }
  EXPECT_EQ(seen.size(), 300u);
  for (int i = 0; i < 100; ++i) {
    const absl::Duration d = a.Between(absl::Seconds(1), absl::Seconds(2));
    EXPECT_GE(d, absl::Seconds(1));
    EXPECT_LE(d, absl::Seconds(2));
    EXPECT_EQ(a.Between(int64_t{7}, int64_t{7}), 7);
    EXPECT_FALSE(a.Chance(0));
    EXPECT_TRUE(a.Chance(1));
  }
}

TEST(EventLogTest, TheHashTellsWhatAndWhenAndInWhichOrder) {
  Timeline timeline;
  const auto hash = [&](auto... notes) {
    EventLog log(&timeline, nullptr);
    (log.Note("a", notes, {{"n", 1}}), ...);
    return log.hash();
  };
  std::set<uint64_t> hashes = {hash("x", "y"), hash("y", "x"), hash("x"),
                               hash("xy")};
  timeline.After(absl::Nanoseconds(1), [] {});
  timeline.RunNext();
  hashes.insert(hash("x"));
  EXPECT_EQ(hashes.size(), 5u);
  EXPECT_EQ(hash("x", "y"), hash("x", "y"));
}

}  // namespace
}  // namespace hawser::simulation
