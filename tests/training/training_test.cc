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
#include "tests/training/in_process_channel.h"
#include "worker/data/dataset.h"
#include "worker/data/sample_order.h"
#include "worker/model/mlp_reference.h"
#include "worker/training_run.h"
#include "worker/worker_driver.h"

namespace hawser {
namespace {

constexpr int64_t kTraining = 45;  // a ragged last step
constexpr int64_t kValidation = 10;
constexpr uint64_t kFirstServer = 100;
constexpr uint64_t kFirstWorker = 200;

// 6 features, 3 classes; a function of the position.
class TinyDataset : public Dataset {
 public:
  DataShape shape() const override { return {6, 3}; }
  int64_t training_samples() const override { return kTraining; }
  int64_t validation_samples() const override { return kValidation; }
  std::vector<int32_t> TrainingLabels() const override {
    std::vector<int32_t> labels;
    for (int64_t i = 0; i < kTraining; ++i) labels.push_back(Label(i));
    return labels;
  }
  void FillTraining(absl::Span<const int64_t> positions, uint64_t, uint64_t,
                    Batch* batch) const override {
    Fill({positions.begin(), positions.end()}, batch);
  }
  void FillValidation(int64_t first, int64_t count,
                      Batch* batch) const override {
    std::vector<int64_t> positions;
    for (int64_t i = 0; i < count; ++i) positions.push_back(1000 + first + i);
    Fill(positions, batch);
  }

 private:
  static int32_t Label(int64_t position) {
    return static_cast<int32_t>(position % 3);
  }
  static void Fill(const std::vector<int64_t>& positions, Batch* batch) {
    batch->samples = static_cast<int64_t>(positions.size());
    batch->features.clear();
    batch->labels.clear();
    for (const int64_t position : positions) {
      for (int64_t f = 0; f < 6; ++f) {
        batch->features.push_back(static_cast<float>(
            std::sin(static_cast<double>(position * 7 + f * 3))));
      }
      batch->labels.push_back(Label(position));
    }
  }
};

class NoNorms : public NormCarrier {
  void Send(const std::string&, const ShareNormsRequest&) override {}
};

Plan MakePlan(uint32_t servers, const std::vector<uint64_t>& workers,
              uint64_t incarnation, Partition partition = RANDOM) {
  JobSpec spec;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(
        name: "tiny"
        model {
          mlp {
            layer_sizes: [ 6, 100, 3 ]
            activation: TANH
            dropout: 0.2
          }
        }
        data { idx {} }
        optimizer {
          sgd { momentum: 0.5 }
          weight_decay: 0.01
        }
        learning_rate { base: 0.2 }
        schedule { epochs: 6 global_batch: 8 micro_batches: 4 }
        placement { block_elements: 256 }
        seed: 11
      )pb",
      &spec));
  spec.mutable_data()->set_partition(partition);
  const JobSpec complete = *CompleteJob(spec);
  const ModelLayout layout = *LayoutOf(complete.model());
  Plan plan;
  plan.set_job(1);
  plan.set_incarnation(incarnation);
  *plan.mutable_spec() = complete;
  plan.set_training_samples(kTraining);
  plan.set_validation_samples(kValidation);
  plan.set_steps_per_epoch(StepsPerEpoch(complete, kTraining));
  plan.set_total_steps(TotalSteps(complete, kTraining));
  plan.set_optimizer_steps(plan.total_steps());
  *plan.add_phases()->mutable_synchronisation() = complete.synchronisation();
  plan.set_parameters(layout.parameters);
  for (const auto& layer : layout.layers) *plan.add_layers() = layer;
  for (const auto& tensor : layout.tensors) *plan.add_tensors() = tensor;
  for (Block block : CutIntoBlocks(layout, 256)) {
    block.set_server(block.id() % servers);
    *plan.add_blocks() = block;
  }
  for (uint32_t i = 0; i < servers; ++i) {
    ServerEndpoint* endpoint = plan.add_servers();
    endpoint->set_node(kFirstServer + i);
    endpoint->set_address(std::to_string(i));
  }
  const auto count = static_cast<uint32_t>(workers.size());
  for (uint32_t w = 0; w < count; ++w) {
    MicroBatchRange* range = plan.add_workers();
    range->set_node(workers[w]);
    range->set_first(4 * w / count);
    range->set_last(4 * (w + 1) / count);
  }
  return plan;
}

// Servers of one job, and what workers report.
class Cluster {
 public:
  explicit Cluster(uint32_t servers) {
    for (uint32_t i = 0; i < servers; ++i) {
      servers_.push_back(std::make_unique<ServerDriver>(
          &norms_, testing::TempDir(), &clock_, RealThreads()));
      servers_.back()->Start(
          [this](ReportRequest report) { Note(report).IgnoreError(); });
    }
  }
  ~Cluster() {
    for (auto& server : servers_) server->Stop();
  }

  void Adopt(const Plan& plan) {
    Orders orders;
    *orders.add_plans() = plan;
    for (size_t i = 0; i < servers_.size(); ++i) {
      servers_[i]->Follow(kFirstServer + i, orders);
    }
    absl::MutexLock lock(&mutex_);
    const auto all_ready = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return ready_[plan.incarnation()] == servers_.size();
    };
    mutex_.Await(absl::Condition(&all_ready));
  }

  ChannelFactory Channels() {
    return [this](const std::string& address) {
      return std::make_unique<InProcessChannel>(
          servers_[static_cast<size_t>(std::stoi(address))].get());
    };
  }

  absl::Status Note(ReportRequest report) {
    absl::MutexLock lock(&mutex_);
    if (report.has_server_ready()) ++ready_[report.incarnation()];
    if (report.has_parameters_hashed()) {
      hash_ = report.parameters_hashed().sha256();
    }
    if (report.has_validation_done()) {
      validated_[report.validation_done().step()] +=
          report.validation_done().metrics().samples();
    }
    return absl::OkStatus();
  }

  std::string AwaitHash() {
    absl::MutexLock lock(&mutex_);
    const auto there = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return !hash_.empty();
    };
    mutex_.AwaitWithTimeout(absl::Condition(&there), absl::Seconds(30));
    return hash_;
  }
  std::map<uint64_t, uint64_t> validated() {
    absl::MutexLock lock(&mutex_);
    return validated_;
  }
  // The steps that every server has completed.
  uint64_t Step(const Plan& plan) {
    uint64_t step = ~uint64_t{0};
    for (auto& server : servers_) {
      step = std::min(step, *server->Progress(1, plan.incarnation()));
    }
    return step;
  }
  std::vector<float> Pull(const Plan& plan, uint64_t version) {
    ParameterClient client(plan, 999, Channels());
    std::vector<float> theta(plan.parameters());
    EXPECT_TRUE(client.Pull(version, theta.data()).ok());
    return theta;
  }

 private:
  NoNorms norms_;
  const RealClock clock_;
  std::vector<std::unique_ptr<ServerDriver>> servers_;
  absl::Mutex mutex_;
  std::map<uint64_t, size_t> ready_ ABSL_GUARDED_BY(mutex_);
  std::string hash_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, uint64_t> validated_ ABSL_GUARDED_BY(mutex_);
};

// A worker's equipment and one run of it.
class Worker {
 public:
  Worker(Cluster* cluster, const Plan& plan, uint64_t node)
      : model_(*MakeModel(plan.spec().model(), LargestBatch(plan), &pool_)),
        surroundings_{cluster->Channels(),
                      [cluster](ReportRequest report) {
                        return cluster->Note(std::move(report));
                      },
                      &clock_, RealThreads(), nullptr},
        run_(plan, node, &data_, model_.get(), &surroundings_),
        thread_([this] { status_ = run_.Run(); }) {}

  absl::Status Join() {
    if (thread_.joinable()) thread_.join();
    return status_;
  }
  ~Worker() { thread_.joinable() ? thread_.join() : void(); }
  void Cancel() { run_.Cancel(); }

 private:
  TinyDataset data_;
  ThreadPool pool_{1};
  std::unique_ptr<Model> model_;
  const RealClock clock_;
  const Surroundings surroundings_;
  TrainingRun run_;
  absl::Status status_;
  std::thread thread_;
};

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
      testing::TempDir(), 1,
      {[](const std::string&) -> std::unique_ptr<ParameterChannel> {
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
