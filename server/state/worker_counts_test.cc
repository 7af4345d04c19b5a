#include "server/state/worker_counts.h"

#include "gtest/gtest.h"

namespace hawser {
namespace {

absl::Time At(int ms) {
  return absl::UnixEpoch() + absl::Seconds(100) + absl::Milliseconds(ms);
}

ServerLoad LoadOf(const WorkerCounts& counts) {
  ServerLoad load;
  counts.Describe(&load);
  return load;
}

TEST(WorkerCounts, OncePerStepTimeIsFromTheStepsBeginning) {
  WorkerCounts counts;
  counts.SetWorkers({7, 9});
  for (int step = 0; step < 3; ++step) {
    const int start = 100 * step;
    counts.BeginStep(At(start));
    const auto clock = static_cast<uint64_t>(step + 1);
    counts.Count(7, clock, 8, At(start + 20));
    // Two pushes of one step: the second took it 10 ms more.
    counts.Count(9, clock, 4, At(start + 60));
    counts.Count(9, clock, 4, At(start + 70));
  }
  const ServerLoad load = LoadOf(counts);
  ASSERT_EQ(load.workers_size(), 2);
  EXPECT_EQ(load.workers(0).node(), 7);
  EXPECT_EQ(load.workers(0).clock(), 3);
  EXPECT_EQ(load.workers(0).samples(), 24);
  EXPECT_EQ(load.workers(0).busy_ns(), 60'000'000);
  EXPECT_EQ(load.workers(1).samples(), 24);
  EXPECT_EQ(load.workers(1).busy_ns(), 210'000'000);
}

TEST(WorkerCounts, OnArrivalTimeIsBetweenPushes) {
  WorkerCounts counts;
  counts.SetWorkers({7});
  counts.Count(7, 1, 8, At(0));  // of unknown length: not counted
  counts.Count(7, 2, 8, At(30));
  counts.Count(7, 3, 8, At(80));
  const ServerLoad load = LoadOf(counts);
  EXPECT_EQ(load.workers(0).clock(), 3);
  EXPECT_EQ(load.workers(0).samples(), 16);
  EXPECT_EQ(load.workers(0).busy_ns(), 80'000'000);
}

TEST(WorkerCounts, ANewIncarnationForgetsWhoHasLeft) {
  WorkerCounts counts;
  counts.SetWorkers({7, 9});
  counts.BeginStep(At(0));
  counts.Count(7, 5, 8, At(10));
  counts.SetWorkers({7, 11});
  // The pause between two incarnations is nobody's work.
  counts.Count(7, 6, 8, At(9000));
  counts.Count(9, 6, 8, At(9000));
  const ServerLoad load = LoadOf(counts);
  ASSERT_EQ(load.workers_size(), 2);
  EXPECT_EQ(load.workers(0).node(), 7);
  EXPECT_EQ(load.workers(0).clock(), 6);
  EXPECT_EQ(load.workers(0).samples(), 8);
  EXPECT_EQ(load.workers(0).busy_ns(), 10'000'000);
  EXPECT_EQ(load.workers(1).node(), 11);
  EXPECT_EQ(load.workers(1).samples(), 0);
}

TEST(WorkerCounts, AClockThatIsSetBackTakesNothingAway) {
  WorkerCounts counts;
  counts.SetWorkers({7});
  counts.BeginStep(At(50));
  counts.Count(7, 1, 8, At(40));
  EXPECT_EQ(LoadOf(counts).workers(0).busy_ns(), 0);
}

TEST(WorkerCounts, StalenessIsInClassesThatDouble) {
  WorkerCounts counts;
  for (const uint64_t updates : {0, 0, 1, 2, 3, 4, 7, 8}) {
    counts.CountStaleness(updates);
  }
  counts.CountStaleness(~uint64_t{0});
  const ServerLoad load = LoadOf(counts);
  ASSERT_EQ(load.staleness_size(),
            static_cast<int>(WorkerCounts::kStalenessClasses));
  EXPECT_EQ(load.staleness(0), 2);
  EXPECT_EQ(load.staleness(1), 1);
  EXPECT_EQ(load.staleness(2), 2);
  EXPECT_EQ(load.staleness(3), 2);
  EXPECT_EQ(load.staleness(4), 1);
  EXPECT_EQ(load.staleness(11), 1);
}

}  // namespace
}  // namespace hawser
