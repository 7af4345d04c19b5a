// Every way to synchronise and schedule, in whole jobs in one process: real
// worker and server drivers.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "common/job/blocks.h"
#include "common/job/initial_values.h"
#include "gtest/gtest.h"
#include "tests/training/tiny_cluster.h"
#include "worker/data/sample_order.h"
#include "worker/model/mlp_reference.h"

namespace hawser {
namespace {

constexpr uint64_t kEpochs = 6;

std::vector<uint64_t> Workers(uint64_t count) {
  std::vector<uint64_t> nodes;
  for (uint64_t i = 0; i < count; ++i) nodes.push_back(kFirstWorker + i);
  return nodes;
}

// Runs the plan's workers to the job's end.
void Finish(Cluster* cluster, const Plan& plan) {
  std::vector<std::unique_ptr<Worker>> workers;
  for (const auto& range : plan.workers()) {
    workers.push_back(std::make_unique<Worker>(cluster, plan, range.node()));
  }
  for (const auto& worker : workers) {
    const absl::Status status = worker->Join();
    EXPECT_TRUE(status.ok()) << status;
  }
}

// Runs them until so many steps are complete, then stops them.
void RunUntil(Cluster* cluster, const Plan& plan, uint64_t step) {
  std::vector<std::unique_ptr<Worker>> workers;
  for (const auto& range : plan.workers()) {
    workers.push_back(std::make_unique<Worker>(cluster, plan, range.node()));
  }
  while (cluster->Step(plan) < step) {
    for (const auto& worker : workers) {
      ASSERT_TRUE(worker->Status().ok()) << worker->Status();
    }
    std::this_thread::yield();
  }
  for (const auto& worker : workers) worker->Cancel();
}

std::string HashOf(uint64_t servers, uint64_t workers,
                   const std::string& more) {
  Cluster cluster(static_cast<uint32_t>(servers));
  const Plan plan = MakePlan(static_cast<uint32_t>(servers), Workers(workers),
                             1, RANDOM, more);
  cluster.Adopt(plan);
  Finish(&cluster, plan);
  return cluster.AwaitHash();
}

void ExpectEverythingCountedOnce(Cluster* cluster) {
  EXPECT_EQ(cluster->AwaitTrained(kEpochs * kTraining), kEpochs * kTraining);
  for (const auto& [step, samples] : cluster->validated()) {
    EXPECT_EQ(samples, static_cast<uint64_t>(kValidation)) << step;
  }
  EXPECT_EQ(cluster->validated().size(), kEpochs);
  EXPECT_EQ(cluster->AwaitHash().size(), 64u);
}

class ScheduleTest : public testing::TestWithParam<const char*> {};

TEST_P(ScheduleTest, HasTheBitsOfAStaticOne) {
  const std::string more =
      std::string("scheduling { policy: DYNAMIC leases: ") + GetParam() + " }";
  const std::string expected = HashOf(1, 1, "");
  EXPECT_EQ(HashOf(1, 1, more), expected);
  EXPECT_EQ(HashOf(2, 2, more), expected);
  EXPECT_EQ(HashOf(1, 3, more), expected);
  EXPECT_EQ(HashOf(2, 5, more), expected);
}

TEST_P(ScheduleTest, AWorkerLostAnywhereCostsNoBit) {
  const std::string more =
      std::string("scheduling { policy: DYNAMIC leases: ") + GetParam() + " }";
  const std::string expected = HashOf(1, 1, "");
  for (uint64_t lost_after = 0; lost_after < 36; lost_after += 7) {
    Cluster cluster(2);
    const Plan before = MakePlan(2, Workers(2), 1, RANDOM, more);
    cluster.Adopt(before);
    RunUntil(&cluster, before, lost_after);
    const Plan after = MakePlan(2, Workers(1), 2, RANDOM, more);
    cluster.Adopt(after);
    Finish(&cluster, after);
    EXPECT_EQ(cluster.AwaitHash(), expected) << lost_after;
    EXPECT_EQ(cluster.AwaitTrained(kEpochs * kTraining), kEpochs * kTraining);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, ScheduleTest, testing::Values("ROUND_ROBIN", "LEAST_LOAD", "ADAPTIVE"),
    [](const auto& test) { return std::string(test.param); });

class ModeTest : public testing::TestWithParam<const char*> {};

TEST_P(ModeTest, CountsEverythingOnce) {
  for (const uint64_t workers : {1, 2, 3}) {
    Cluster cluster(2);
    const Plan plan = MakePlan(2, Workers(workers), 1, RANDOM, GetParam());
    cluster.Adopt(plan);
    Finish(&cluster, plan);
    ExpectEverythingCountedOnce(&cluster);
  }
}

TEST_P(ModeTest, CountsEverythingOnceWhoeverComesAndGoes) {
  Cluster cluster(2);
  uint64_t incarnation = 1;
  for (const uint64_t step : {0, 3, 9, 10, 22}) {
    Plan plan = MakePlan(2, Workers(1 + incarnation % 3), incarnation, RANDOM,
                         GetParam());
    cluster.Adopt(plan);
    if (step < plan.total_steps()) RunUntil(&cluster, plan, step);
    ++incarnation;
  }
  const Plan plan = MakePlan(2, Workers(2), incarnation, RANDOM, GetParam());
  cluster.Adopt(plan);
  Finish(&cluster, plan);
  EXPECT_EQ(cluster.AwaitTrained(kEpochs * kTraining), kEpochs * kTraining);
  EXPECT_EQ(cluster.AwaitHash().size(), 64u);
}

INSTANTIATE_TEST_SUITE_P(
    All, ModeTest,
    testing::Values(
        "synchronisation { mode: ASYNCHRONOUS }",
        "synchronisation { mode: ASYNCHRONOUS scale_by_staleness: true }"
        "scheduling { policy: DYNAMIC }",
        "synchronisation { mode: BOUNDED_STALENESS }",
        "synchronisation { mode: BOUNDED_STALENESS }"
        "scheduling { policy: DYNAMIC leases: LEAST_LOAD }",
        "synchronisation { mode: BOUNDED_STALENESS staleness: 2 }"
        "scheduling { policy: DYNAMIC }",
        "synchronisation { mode: BOUNDED_STALENESS staleness_seconds: 0.0001 }"
        "scheduling { policy: DYNAMIC leases: ROUND_ROBIN }",
        "synchronisation { local_steps: 4 }",
        "synchronisation { local_steps: 4 } scheduling { policy: DYNAMIC }",
        "synchronisation { mode: ASYNCHRONOUS local_steps: 2 }"
        "optimizer { clip_global_norm: 0.5 }"));

TEST(LocalStepsTest, TheResultDoesNotDependOnTheWorkers) {
  const std::string more =
      "synchronisation { local_steps: 4 outer { momentum: 0.9 nesterov: true } "
      "}";
  const std::string expected = HashOf(1, 1, more);
  EXPECT_EQ(HashOf(2, 2, more), expected);
  EXPECT_EQ(HashOf(1, 3, more), expected);
  EXPECT_EQ(HashOf(2, 3, more + "scheduling { policy: DYNAMIC }"), expected);
}

// Each of the M micro-batches goes its own way for H steps, then the outer
// optimizer takes the mean change: in double precision.
TEST(LocalStepsTest, AgreesWithLocalSgdInDoublePrecision) {
  Cluster cluster(2);
  const Plan plan =
      MakePlan(2, Workers(2), 1, RANDOM,
               "synchronisation { local_steps: 4 "
               "outer { learning_rate: 0.7 momentum: 0.6 nesterov: true } }");
  cluster.Adopt(plan);
  Finish(&cluster, plan);
  const std::vector<float> trained = cluster.Pull(plan, plan.total_steps());

  std::vector<float> start(plan.parameters());
  for (const Block& block : plan.blocks()) {
    FillBlock(plan, block, start.data() + block.offset());
  }
  std::vector<double> theta(start.begin(), start.end());
  std::vector<double> outer_velocity(theta.size(), 0);
  const MlpReference reference(plan.spec().model().mlp());
  const TinyDataset data;
  SampleOrder order(plan.spec(), kTraining, data.TrainingLabels());
  Batch batch;
  uint64_t step = 0;
  while (step < plan.optimizer_steps()) {
    // An epoch is 6 steps: 4, then 2.
    const uint64_t count = step % 6 == 0 ? 4 : 2;
    std::vector<double> change(theta.size(), 0);
    for (uint32_t m = 0; m < 4; ++m) {
      std::vector<double> local = theta;
      std::vector<double> velocity(theta.size(), 0);
      for (uint64_t i = 0; i < count; ++i) {
        std::vector<double> gradient(theta.size(), 0);
        data.FillTraining(order.Positions(step + i, m), 0, 0, &batch);
        if (batch.samples == 0) continue;
        reference.Loss(local, batch, {plan.spec().seed(), step + i, m},
                       &gradient);
        for (size_t k = 0; k < local.size(); ++k) {
          const double g = gradient[k] / static_cast<double>(batch.samples) +
                           0.01 * local[k];
          velocity[k] = 0.5 * velocity[k] + g;
          local[k] -= 0.2 * velocity[k];
        }
      }
      for (size_t k = 0; k < local.size(); ++k) {
        change[k] += (theta[k] - local[k]) / 4;
      }
    }
    for (size_t k = 0; k < theta.size(); ++k) {
      outer_velocity[k] = 0.6 * outer_velocity[k] + change[k];
      theta[k] -= 0.7 * (change[k] + 0.6 * outer_velocity[k]);
    }
    step += count;
  }
  double error = 0, norm = 0;
  for (size_t k = 0; k < theta.size(); ++k) {
    error += std::pow(trained[k] - theta[k], 2);
    norm += std::pow(theta[k], 2);
  }
  EXPECT_LT(std::sqrt(error / norm), 1e-5);
}

// A worker alone whose lease is the whole step does what a synchronous one
// does, but for the order in which it adds.
TEST(AsynchronousTest, OneWorkerComesCloseToSynchronous) {
  const auto trained = [](const std::string& more) {
    Cluster cluster(1);
    const Plan plan = MakePlan(1, Workers(1), 1, RANDOM, more);
    cluster.Adopt(plan);
    Finish(&cluster, plan);
    return cluster.Pull(plan, plan.total_steps());
  };
  const auto synchronous = trained("");
  const auto alone = trained("synchronisation { mode: ASYNCHRONOUS }");
  double error = 0, norm = 0;
  for (size_t k = 0; k < alone.size(); ++k) {
    error += std::pow(alone[k] - synchronous[k], 2);
    norm += std::pow(synchronous[k], 2);
  }
  EXPECT_GT(error, 0);
  EXPECT_LT(std::sqrt(error / norm), 1e-4);
}

// Mode, bound and local steps change within one job, at step boundaries.
TEST(ChangeTest, NothingIsLostAcrossPhases) {
  const std::vector<std::string> settings = {
      "mode: ASYNCHRONOUS local_steps: 1",
      "mode: SYNCHRONOUS local_steps: 1",
      "mode: BOUNDED_STALENESS staleness: 1 local_steps: 1",
      "mode: SYNCHRONOUS local_steps: 2 outer { learning_rate: 1 }",
      "mode: BOUNDED_STALENESS staleness: 3 local_steps: 1",
  };
  for (const char* scheduling : {"", "scheduling { policy: DYNAMIC }"}) {
    Cluster cluster(2);
    Plan plan = MakePlan(2, Workers(2), 1, RANDOM, scheduling);
    cluster.Adopt(plan);
    uint64_t until = 3;
    for (const std::string& setting : settings) {
      RunUntil(&cluster, plan, std::min(until, plan.total_steps()));
      plan.set_incarnation(plan.incarnation() + 1);
      cluster.Adopt(plan);  // a pause
      Phase* phase = plan.add_phases();
      phase->set_from_step(cluster.untouched());
      ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
          setting, phase->mutable_synchronisation()));
      plan.set_incarnation(plan.incarnation() + 1);
      plan.set_total_steps(StepSchedule(plan).total_steps());
      cluster.Adopt(plan);
      until = phase->from_step() + 3;
    }
    Finish(&cluster, plan);
    EXPECT_EQ(cluster.AwaitTrained(kEpochs * kTraining), kEpochs * kTraining);
    EXPECT_EQ(cluster.AwaitHash().size(), 64u);
  }
}

}  // namespace
}  // namespace hawser
