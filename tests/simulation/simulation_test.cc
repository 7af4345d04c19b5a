// Fresh seeds, each a cluster, a job and some twenty faults, and what must hold
// for all of them. HAWSER_SIMULATION_SEED and HAWSER_SIMULATION_RUNS choose
// others (bazel test --test_env=HAWSER_SIMULATION_SEED=N).
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "glog/logging.h"
#include "gtest/gtest.h"
#include "tests/simulation/random_job.h"
#include "tests/simulation/random_setup.h"
#include "tests/simulation/simulator.h"

namespace hawser::simulation {
namespace {

constexpr uint64_t kRuns = 1000;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  uint64_t value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

class SimulationTest : public testing::Test {
 protected:
  void SetUp() override { FLAGS_minloglevel = google::FATAL; }

  Simulator simulator{FastTemporaryDirectory()};
};

TEST_F(SimulationTest, FreshSeeds) {
  const uint64_t first = FromEnvironment(
      "HAWSER_SIMULATION_SEED",
      static_cast<uint64_t>(
          std::chrono::system_clock::now().time_since_epoch().count()));
  const uint64_t runs = FromEnvironment("HAWSER_SIMULATION_RUNS", kRuns);
  std::cout << "seeds " << first << " to " << first + runs - 1 << std::endl;
  uint64_t succeeded = 0;
  uint64_t faults = 0;
  for (uint64_t seed = first; seed < first + runs; ++seed) {
    const simulation::Setup setup = RandomSetup(seed, {});
    const Outcome outcome = simulator.Run(setup, nullptr);
    ASSERT_FALSE(outcome.failure.has_value())
        << "seed " << seed << ": " << *outcome.failure << "\n"
        << Describe(setup.faults)
        << "replay: bazel run //tests/simulation:soak -- --seed=" << seed
        << " --runs=1 --trace";
    if (outcome.job.state() == SUCCEEDED) ++succeeded;
    faults += outcome.faults;
  }
  // What cannot fail proves nothing: faults happen, and most jobs live.
  EXPECT_GT(succeeded, runs / 3);
  EXPECT_GT(faults, 10 * runs);
}

TEST_F(SimulationTest, TheSameSeedIsTheSameRun) {
  Simulator other{FastTemporaryDirectory()};
  uint64_t last = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const simulation::Setup setup = RandomSetup(seed, {});
    const Outcome first = simulator.Run(setup, nullptr);
    const Outcome again = other.Run(setup, nullptr);
    EXPECT_EQ(first.hash, again.hash) << "seed " << seed;
    EXPECT_EQ(first.events, again.events) << "seed " << seed;
    EXPECT_NE(first.hash, last);
    last = first.hash;
  }
}

// Every job there is comes to the same end on a cluster of another size,
// placement and timing.
TEST_F(SimulationTest, NoResultDependsOnTheCluster) {
  for (uint64_t job = 0; job < kRandomJobs; ++job) {
    simulation::Setup setup;
    setup.seed = job;
    setup.workers = 4;
    setup.servers = 3;
    setup.spec = RandomJob(job, /*steps=*/40);
    setup.spec.mutable_resources()->set_workers(setup.workers);
    setup.spec.mutable_resources()->set_servers(setup.servers);
    const Outcome outcome = simulator.Run(setup, nullptr);
    EXPECT_FALSE(outcome.failure.has_value())
        << "job " << job << ": " << *outcome.failure;
  }
}

// A process costs nothing while nothing happens to it.
TEST_F(SimulationTest, ManyWorkersStandBy) {
  simulation::Setup setup;
  setup.workers = 1000;
  setup.servers = 1;
  setup.spec = RandomJob(0, /*steps=*/20);
  setup.spec.mutable_resources()->set_workers(2);
  const Outcome outcome = simulator.Run(setup, nullptr);
  EXPECT_FALSE(outcome.failure.has_value()) << *outcome.failure;
}

}  // namespace
}  // namespace hawser::simulation
