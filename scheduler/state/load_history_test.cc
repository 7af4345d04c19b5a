#include "scheduler/state/load_history.h"

#include "gtest/gtest.h"

namespace hawser {
namespace {

absl::Time At(double seconds) {
  return absl::UnixEpoch() + absl::Seconds(1000) + absl::Seconds(seconds);
}

ServerLoad Load(uint64_t pushes, uint64_t incarnation = 1) {
  ServerLoad load;
  load.set_job(3);
  load.set_incarnation(incarnation);
  load.set_pushes(pushes);
  load.set_push_bytes(100 * pushes);
  return load;
}

void AddWorker(uint64_t node, uint64_t clock, uint64_t samples, double busy,
               ServerLoad* load) {
  WorkerLoad* worker = load->add_workers();
  worker->set_node(node);
  worker->set_clock(clock);
  worker->set_samples(samples);
  worker->set_busy_ns(static_cast<uint64_t>(1e9 * busy));
}

TEST(LoadHistory, RatesAreOverTheLastSeconds) {
  LoadHistory history;
  // 10 pushes a second at first, 50 later.
  uint64_t pushes = 0;
  for (int second = 0; second < 40; ++second) {
    history.Note(8, Load(pushes), At(second));
    pushes += second < 20 ? 10 : 50;
  }
  const auto rate = history.Server(8, At(39.5));
  EXPECT_NEAR(rate.pushes_per_second, 50, 1e-9);
  EXPECT_NEAR(rate.push_bytes_per_second, 5000, 1e-9);
  EXPECT_EQ(history.Server(9, At(39.5)).pushes_per_second, 0);
  // What was told long ago says nothing about now.
  EXPECT_EQ(history.Server(8, At(60)).pushes_per_second, 0);
}

TEST(LoadHistory, AServerThatStartsOverCountsAnew) {
  LoadHistory history;
  history.Note(8, Load(1000), At(0));
  history.Note(8, Load(1100), At(1));
  history.Note(8, Load(10), At(2));
  EXPECT_EQ(history.Server(8, At(2)).pushes_per_second, 0);
  history.Note(8, Load(30), At(3));
  EXPECT_NEAR(history.Server(8, At(3)).pushes_per_second, 20, 1e-9);
  history.Note(8, Load(40, /*incarnation=*/2), At(4));
  EXPECT_EQ(history.Server(8, At(4)).pushes_per_second, 0);
}

TEST(LoadHistory, TellsWorkersApart) {
  LoadHistory history;
  EXPECT_TRUE(history.Workers(At(0)).empty());
  for (int second = 0; second <= 2; ++second) {
    const auto s = static_cast<uint64_t>(second);
    ServerLoad load = Load(10 * s);
    AddWorker(5, 10 * s, 400 * s, 0.4 * second, &load);
    AddWorker(6, 10 * s, 400 * s, 0.5 * second, &load);
    AddWorker(7, 8 * s, 320 * s, 1.0 * second, &load);
    history.Note(8, load, At(second));
    history.Note(9, Load(10 * s), At(second));  // not of block 0
  }
  const auto workers = history.Workers(At(2.5));
  ASSERT_EQ(workers.size(), 3);
  EXPECT_NEAR(workers[0].samples_per_second, 1000, 1e-6);
  EXPECT_NEAR(workers[0].busy, 0.4, 1e-9);
  EXPECT_EQ(workers[0].lag, 0);
  EXPECT_EQ(workers[0].straggler, "");
  EXPECT_NEAR(workers[1].samples_per_second, 800, 1e-6);
  EXPECT_EQ(workers[1].straggler, "");
  EXPECT_EQ(workers[2].lag, 4);
  EXPECT_EQ(workers[2].straggler, "40 % of the median speed");
  EXPECT_TRUE(history.Workers(At(30)).empty());
}

TEST(LoadHistory, OfTwoWorkersTheSlowerIsTheStraggler) {
  LoadHistory history;
  for (int second = 0; second <= 1; ++second) {
    const auto s = static_cast<uint64_t>(second);
    ServerLoad load = Load(10 * s);
    AddWorker(5, s, 100 * s, 0.2 * second, &load);
    AddWorker(6, s, 100 * s, 1.0 * second, &load);
    history.Note(8, load, At(second));
  }
  const auto workers = history.Workers(At(1));
  EXPECT_EQ(workers[0].straggler, "");
  EXPECT_EQ(workers[1].straggler, "20 % of the median speed");
}

TEST(LoadHistory, AWorkerThatPushesNothingHasNoSpeed) {
  LoadHistory history;
  for (int second = 0; second <= 1; ++second) {
    ServerLoad load = Load(10);
    AddWorker(5, 7, 100, 2, &load);
    history.Note(8, load, At(second));
  }
  ASSERT_EQ(history.Workers(At(1)).size(), 1);
  EXPECT_EQ(history.Workers(At(1))[0].samples_per_second, 0);
  EXPECT_EQ(history.Workers(At(1))[0].straggler, "");
}

TEST(LoadHistory, StalenessIsWhatTheServerOfBlockZeroCounts) {
  LoadHistory history;
  EXPECT_TRUE(history.Staleness().empty());
  ServerLoad load = Load(10);
  AddWorker(5, 7, 100, 2, &load);
  load.add_staleness(4);
  load.add_staleness(6);
  history.Note(9, load, At(0));
  history.Note(8, Load(10), At(0));
  EXPECT_EQ(history.Staleness(), (std::vector<uint64_t>{4, 6}));
}

}  // namespace
}  // namespace hawser
