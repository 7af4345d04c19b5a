// A tiny job, and its members in one process: real worker and server drivers,
// no network, no scheduler.
#ifndef HAWSER_TESTS_TRAINING_TINY_CLUSTER_H_
#define HAWSER_TESTS_TRAINING_TINY_CLUSTER_H_

#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/job/blocks.h"
#include "common/job/job_rules.h"
#include "common/job/model_layout.h"
#include "common/job/step_schedule.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "server/in_process_channel.h"
#include "server/server_driver.h"
#include "server/shard_handler.h"
#include "worker/backend/thread_pool.h"
#include "worker/data/dataset.h"
#include "worker/model/model.h"
#include "worker/training_run.h"

namespace hawser {

inline constexpr int64_t kTraining = 45;  // a ragged last step
inline constexpr int64_t kValidation = 10;
inline constexpr uint64_t kFirstServer = 100;
inline constexpr uint64_t kFirstWorker = 200;

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

inline Plan MakePlan(uint32_t servers, const std::vector<uint64_t>& workers,
                     uint64_t incarnation, Partition partition = RANDOM,
                     const std::string& more = "") {
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
  JobSpec added;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(more, &added));
  spec.MergeFrom(added);
  const JobSpec complete = *CompleteJob(spec);
  const ModelLayout layout = *LayoutOf(complete.model());
  Plan plan;
  plan.set_job(1);
  plan.set_incarnation(incarnation);
  *plan.mutable_spec() = complete;
  plan.set_training_samples(kTraining);
  plan.set_validation_samples(kValidation);
  plan.set_steps_per_epoch(StepsPerEpoch(complete, kTraining));
  plan.set_optimizer_steps(TotalSteps(complete, kTraining));
  *plan.add_phases()->mutable_synchronisation() = complete.synchronisation();
  plan.set_total_steps(StepSchedule(plan).total_steps());
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
class Cluster : public NormCarrier {
 public:
  explicit Cluster(uint32_t servers) {
    for (uint32_t i = 0; i < servers; ++i) {
      servers_.push_back(std::make_unique<ServerDriver>(
          this, testing::TempDir(), &clock_, RealThreads(), /*data_root=*/"",
          /*shares_memory=*/false, /*trace=*/nullptr, MachineFileCalls(),
          Channels()));
      intakes_.push_back(
          std::make_unique<Intake>(ShardHandlers(servers_.back().get())));
      servers_.back()->Start(
          [this](ReportRequest report) { Note(report).IgnoreError(); });
    }
  }
  ~Cluster() {
    for (auto& server : servers_) server->Stop();
  }

  void Send(const std::string& address,
            const ShareNormsRequest& norms) override {
    servers_[static_cast<size_t>(std::stoi(address))]
        ->ReceiveNorms(norms)
        .IgnoreError();
  }

  void Adopt(const Plan& plan) {
    for (size_t i = 0; i < servers_.size(); ++i) {
      Orders orders;
      for (const ServerEndpoint& server : plan.servers()) {
        if (server.node() == kFirstServer + i) *orders.add_plans() = plan;
      }
      servers_[i]->Follow(kFirstServer + i, orders);
    }
    absl::MutexLock lock(&mutex_);
    const auto all_ready = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return ready_[plan.incarnation()] ==
             static_cast<size_t>(plan.servers_size());
    };
    mutex_.Await(absl::Condition(&all_ready));
  }

  // The plan's blocks go where `server_of` says, by three incarnations. Nobody
  // works meanwhile.
  void Move(const std::function<uint32_t(uint32_t block)>& server_of,
            Plan* plan) {
    plan->set_pause(true);
    plan->set_incarnation(plan->incarnation() + 1);
    Adopt(*plan);
    const Plan before = *plan;
    plan->set_incarnation(plan->incarnation() + 1);
    plan->set_placed_since(plan->incarnation());
    plan->clear_servers();
    std::map<uint64_t, uint32_t> indices;  // by node
    const auto index_of = [&](uint64_t node) {
      const auto next = static_cast<uint32_t>(indices.size());
      const auto [index, is_new] = indices.emplace(node, next);
      if (is_new) {
        plan->add_servers()->set_node(node);
        plan->mutable_servers(static_cast<int>(next))
            ->set_address(std::to_string(node - kFirstServer));
      }
      return index->second;
    };
    for (Block& block : *plan->mutable_blocks()) {
      block.set_server(index_of(kFirstServer + server_of(block.id())));
    }
    const int holders = plan->servers_size();
    for (const Block& block : before.blocks()) {
      const uint64_t from =
          before.servers(static_cast<int>(block.server())).node();
      if (from == kFirstServer + server_of(block.id())) continue;
      BlockMove* move = plan->add_moves();
      move->set_block(block.id());
      move->set_from(index_of(from));
    }
    Adopt(*plan);
    plan->clear_moves();
    plan->set_pause(false);
    while (plan->servers_size() > holders) {
      plan->mutable_servers()->RemoveLast();
    }
    plan->set_incarnation(plan->incarnation() + 1);
    Adopt(*plan);
  }

  ChannelFactory Channels() {
    return [this](const ServerEndpoint& server) {
      const auto i = static_cast<size_t>(std::stoi(server.address()));
      return MakeInProcessChannel(servers_[i].get(), intakes_[i].get());
    };
  }

  absl::Status Note(ReportRequest report) {
    absl::MutexLock lock(&mutex_);
    if (report.has_validation_done() && refuse_validation_) {
      return absl::AbortedError("validation is refused");
    }
    if (report.has_server_ready()) ++ready_[report.incarnation()];
    if (report.has_parameters_hashed()) {
      hash_ = report.parameters_hashed().sha256();
    }
    if (report.has_server_ready()) {
      untouched_ = std::max(untouched_, report.server_ready().untouched_step());
    }
    const StepsDone& steps = report.steps_done();
    for (int i = 0; i < steps.per_epoch_size(); ++i) {
      uint64_t& known = trained_by_epoch_[steps.first_epoch() + i];
      trained_ += steps.per_epoch(i).samples() - known;
      known = steps.per_epoch(i).samples();
    }
    if (report.has_validation_done()) {
      validated_[report.validation_done().step()] +=
          report.validation_done().metrics().samples();
    }
    return absl::OkStatus();
  }

  // Workers that validate fail from now on, or no longer.
  void RefuseValidation(bool refuse) {
    absl::MutexLock lock(&mutex_);
    refuse_validation_ = refuse;
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
  // Samples that block 0 has counted, in whole steps that were reported.
  uint64_t AwaitTrained(uint64_t samples) {
    absl::MutexLock lock(&mutex_);
    const auto there = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return trained_ >= samples;
    };
    mutex_.AwaitWithTimeout(absl::Condition(&there), absl::Seconds(30));
    return trained_;
  }
  // The first step of which no server had counted anything when it adopted its
  // last plan.
  uint64_t untouched() {
    absl::MutexLock lock(&mutex_);
    return untouched_;
  }
  // The steps that every server has completed.
  uint64_t Step(const Plan& plan) {
    uint64_t step = ~uint64_t{0};
    for (const ServerEndpoint& server : plan.servers()) {
      step = std::min(step, *servers_[server.node() - kFirstServer]->Progress(
                                1, plan.incarnation()));
    }
    return step;
  }
  std::vector<float> Pull(const Plan& plan, uint64_t version) {
    ParameterClient client(plan, 999, Channels(), RealThreads());
    std::vector<float> theta(plan.parameters());
    EXPECT_TRUE(client.Pull(version, theta.data()).ok());
    return theta;
  }

 private:
  const RealClock clock_;
  std::vector<std::unique_ptr<ServerDriver>> servers_;
  std::vector<std::unique_ptr<Intake>> intakes_;
  absl::Mutex mutex_;
  std::map<uint64_t, size_t> ready_ ABSL_GUARDED_BY(mutex_);
  std::string hash_ ABSL_GUARDED_BY(mutex_);
  bool refuse_validation_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t trained_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, uint64_t> trained_by_epoch_ ABSL_GUARDED_BY(mutex_);
  uint64_t untouched_ ABSL_GUARDED_BY(mutex_) = 0;
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
        run_(plan, node, /*attempt=*/1, &data_, model_.get(), &surroundings_),
        thread_([this] {
          const absl::Status status = run_.Run();
          absl::MutexLock lock(&mutex_);
          status_ = status;
        }) {}

  absl::Status Join() {
    if (thread_.joinable()) thread_.join();
    return Status();
  }
  // OK while it runs.
  absl::Status Status() {
    absl::MutexLock lock(&mutex_);
    return status_;
  }
  ~Worker() {
    run_.Cancel();
    if (thread_.joinable()) thread_.join();
  }
  void Cancel() { run_.Cancel(); }

 private:
  TinyDataset data_;
  ThreadPool pool_{1};
  std::unique_ptr<Model> model_;
  const RealClock clock_;
  const Surroundings surroundings_;
  TrainingRun run_;
  absl::Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace hawser

#endif  // HAWSER_TESTS_TRAINING_TINY_CLUSTER_H_
