// Whole jobs in one process: real worker and server drivers, no network. The
// result against plain gradient descent in double precision; workers that are
// cancelled, replaced and started over against undisturbed ones.
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "common/job/blocks.h"
#include "common/job/initial_values.h"
#include "common/job/job_rules.h"
#include "common/job/model_layout.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "server/server_driver.h"
#include "tests/training/tiny_cluster.h"
#include "worker/data/dataset.h"
#include "worker/data/sample_order.h"
#include "worker/model/mlp_reference.h"
#include "worker/training_run.h"
#include "worker/worker_driver.h"

namespace hawser {
namespace {

std::string Undisturbed() {
  Cluster cluster(1);
  const Plan plan = MakePlan(1, {kFirstWorker}, 1);
  cluster.Adopt(plan);
  Worker worker(&cluster, plan, kFirstWorker);
  EXPECT_TRUE(worker.Join().ok());
  return cluster.AwaitHash();
}

class PartitionTest : public testing::TestWithParam<Partition> {};

TEST_P(PartitionTest, AgreesWithPlainGradientDescentInDoublePrecision) {
  Cluster cluster(2);
  const Plan plan =
      MakePlan(2, {kFirstWorker, kFirstWorker + 1}, 1, GetParam());
  cluster.Adopt(plan);
  {
    Worker first(&cluster, plan, kFirstWorker);
    Worker second(&cluster, plan, kFirstWorker + 1);
    ASSERT_TRUE(first.Join().ok());
    ASSERT_TRUE(second.Join().ok());
  }
  const std::vector<float> trained = cluster.Pull(plan, plan.total_steps());

  std::vector<float> start(plan.parameters());
  for (const Block& block : plan.blocks()) {
    FillBlock(plan, block, start.data() + block.offset());
  }
  std::vector<double> theta(start.begin(), start.end());
  std::vector<double> velocity(theta.size(), 0);
  const MlpReference reference(plan.spec().model().mlp());
  const TinyDataset data;
  SampleOrder order(plan.spec(), kTraining, data.TrainingLabels());
  Batch batch;
  for (uint64_t step = 0; step < plan.total_steps(); ++step) {
    std::vector<double> gradient(theta.size(), 0);
    for (uint32_t m = 0; m < 4; ++m) {
      data.FillTraining(order.Positions(step, m), 0, 0, &batch);
      reference.Loss(theta, batch, {plan.spec().seed(), step, m}, &gradient);
    }
    const auto samples = static_cast<double>(order.StepSamples(step));
    for (size_t i = 0; i < theta.size(); ++i) {
      const double g = gradient[i] / samples + 0.01 * theta[i];
      velocity[i] = 0.5 * velocity[i] + g;
      theta[i] -= 0.2 * velocity[i];
    }
  }
  double error = 0, norm = 0;
  for (size_t i = 0; i < theta.size(); ++i) {
    error += std::pow(trained[i] - theta[i], 2);
    norm += std::pow(theta[i], 2);
  }
  EXPECT_LT(std::sqrt(error / norm), 1e-5);
  // Each epoch's end, and the job's, saw the whole validation set.
  for (const auto& [step, samples] : cluster.validated()) {
    EXPECT_EQ(samples, static_cast<uint64_t>(kValidation)) << step;
  }
  EXPECT_EQ(cluster.validated().size(), 6u);
}

INSTANTIATE_TEST_SUITE_P(All, PartitionTest,
                         testing::Values(RANDOM, BY_SAMPLE, BY_CLASS),
                         [](const auto& test) {
                           return Partition_Name(test.param);
                         });

TEST(TrainingTest, AWorkerLostAnywhereCostsNoBit) {
  const std::string expected = Undisturbed();
  ASSERT_EQ(expected.size(), 64u);
  for (uint64_t lost_after = 0; lost_after < 36; lost_after += 5) {
    Cluster cluster(2);
    const Plan before = MakePlan(2, {kFirstWorker, kFirstWorker + 1}, 1);
    cluster.Adopt(before);
    {
      Worker survivor(&cluster, before, kFirstWorker);
      Worker lost(&cluster, before, kFirstWorker + 1);
      while (cluster.Step(before) < lost_after) std::this_thread::yield();
      lost.Cancel();
      survivor.Cancel();  // as new orders do
    }
    const Plan after = MakePlan(2, {kFirstWorker}, 2);
    cluster.Adopt(after);
    Worker survivor(&cluster, after, kFirstWorker);
    ASSERT_TRUE(survivor.Join().ok());
    EXPECT_EQ(cluster.AwaitHash(), expected) << lost_after;
  }
}

TEST(TrainingTest, AnOldIncarnationCannotGoOn) {
  Cluster cluster(1);
  const Plan before = MakePlan(1, {kFirstWorker}, 1);
  cluster.Adopt(before);
  const Plan after = MakePlan(1, {kFirstWorker + 1}, 2);
  cluster.Adopt(after);
  Worker old(&cluster, before, kFirstWorker);
  EXPECT_TRUE(absl::IsFailedPrecondition(old.Join()));
}

TEST(TrainingTest, MoreWorkersThanMicroBatchesStayIdle) {
  Cluster cluster(1);
  Plan plan = MakePlan(1, {kFirstWorker, kFirstWorker + 1}, 1);
  plan.mutable_workers(0)->set_last(4);
  plan.mutable_workers(1)->set_first(4);
  cluster.Adopt(plan);
  Worker idle(&cluster, plan, kFirstWorker + 1);
  EXPECT_TRUE(idle.Join().ok());
  Worker busy(&cluster, plan, kFirstWorker);
  EXPECT_TRUE(busy.Join().ok());
  EXPECT_EQ(cluster.AwaitHash(), Undisturbed());
}

TEST(WorkerDriverTest, SaysWhatIsWrongWithItsData) {
  absl::Mutex mutex;
  std::vector<ReportRequest> reports;
  const RealClock clock;
  WorkerDriver driver(
      {testing::TempDir(), /*compute_threads=*/1},
      {[](const ServerEndpoint&) -> std::unique_ptr<ParameterChannel> {
         return nullptr;
       },
       [&](ReportRequest report) {
         absl::MutexLock lock(&mutex);
         reports.push_back(std::move(report));
         return absl::OkStatus();
       },
       &clock, RealThreads(), nullptr});
  Plan plan = MakePlan(1, {kFirstWorker}, 1);
  plan.set_total_steps(0);
  plan.mutable_spec()->mutable_data()->mutable_idx()->set_directory("none");
  Orders orders;
  *orders.add_plans() = plan;
  driver.Follow(kFirstWorker, orders);
  std::thread thread([&] { driver.Run(); });
  {
    absl::MutexLock lock(&mutex);
    const auto there = [&] { return !reports.empty(); };
    mutex.AwaitWithTimeout(absl::Condition(&there), absl::Seconds(30));
  }
  driver.Stop();
  thread.join();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_TRUE(reports[0].failed().permanent());
  EXPECT_NE(reports[0].failed().message().find("none"), std::string::npos);
  EXPECT_EQ(reports[0].incarnation(), 1u);
}

}  // namespace
}  // namespace hawser
