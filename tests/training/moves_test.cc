// Blocks that move from server to server while a job runs: the result is the
// same bits as of one that was left alone.
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/training/tiny_cluster.h"

namespace hawser {
namespace {

constexpr uint64_t kEpochs = 6;
constexpr uint32_t kServers = 3;

std::vector<uint64_t> Workers(uint64_t count) {
  std::vector<uint64_t> nodes;
  for (uint64_t i = 0; i < count; ++i) nodes.push_back(kFirstWorker + i);
  return nodes;
}

std::vector<std::unique_ptr<Worker>> Start(Cluster* cluster, const Plan& plan) {
  std::vector<std::unique_ptr<Worker>> workers;
  for (const auto& range : plan.workers()) {
    workers.push_back(std::make_unique<Worker>(cluster, plan, range.node()));
  }
  return workers;
}

std::string Finish(Cluster* cluster, const Plan& plan) {
  for (const auto& worker : Start(cluster, plan)) {
    const absl::Status status = worker->Join();
    EXPECT_TRUE(status.ok()) << status;
  }
  return cluster->AwaitHash();
}

void RunUntil(Cluster* cluster, const Plan& plan, uint64_t step) {
  const auto workers = Start(cluster, plan);
  while (cluster->Step(plan) < step) {
    for (const auto& worker : workers) {
      ASSERT_TRUE(worker->Status().ok()) << worker->Status();
    }
    std::this_thread::yield();
  }
  for (const auto& worker : workers) worker->Cancel();
}

std::string Undisturbed(const std::string& more) {
  Cluster cluster(1);
  const Plan plan = MakePlan(1, Workers(1), 1, RANDOM, more);
  cluster.Adopt(plan);
  return Finish(&cluster, plan);
}

struct Setting {
  const char* name;
  const char* spec;
};

class MovesTest : public testing::TestWithParam<Setting> {};

TEST_P(MovesTest, CostNoBit) {
  const std::string expected = Undisturbed(GetParam().spec);
  // Block 0, which has the leases and the sums of steps, moves with others and
  // alone; servers are left without blocks, and get some again.
  const std::vector<std::function<uint32_t(uint32_t)>> placements = {
      [](uint32_t block) { return block % 2 + 1; },
      [](uint32_t block) { return block == 0 ? 0u : block % 2 + 1; },
      [](uint32_t) { return 2u; },
      [](uint32_t block) { return (block + 1) % kServers; },
  };
  for (uint64_t first = 0; first < 8; ++first) {
    Cluster cluster(kServers);
    Plan plan = MakePlan(kServers, Workers(2), 1, RANDOM, GetParam().spec);
    cluster.Adopt(plan);
    uint64_t step = first;
    for (const auto& placement : placements) {
      ASSERT_NO_FATAL_FAILURE(
          RunUntil(&cluster, plan, std::min(step, plan.total_steps())));
      cluster.Move(placement, &plan);
      step += 7;
    }
    EXPECT_EQ(Finish(&cluster, plan), expected) << first;
    EXPECT_EQ(cluster.AwaitTrained(kEpochs * kTraining), kEpochs * kTraining);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, MovesTest,
    testing::Values(
        Setting{"Static", ""},
        Setting{"Clipped", "optimizer { clip_global_norm: 0.1 }"},
        Setting{"Adam",
                "optimizer { clip_global_norm: 0.3 adam {} }"
                "learning_rate { base: 0.01 }"},
        Setting{"Dynamic", "scheduling { policy: DYNAMIC }"},
        Setting{"LocalSteps",
                "synchronisation { local_steps: 2 outer { momentum: 0.5 } }"},
        Setting{
            "Encoded",
            "data_plane { push { codec: \"bf16\" } pull { codec: \"int8\" } "
            "sums_per_step: 2 }"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace hawser
