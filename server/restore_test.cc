// A job that is rolled back to a checkpoint goes on as if nothing had been:
// whatever the optimizer, the mode and the number of servers, from any step.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "common/files.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "server/parameter_shard.h"
#include "server/restored_values.h"
#include "server/shard_test_support.h"

namespace hawser {
namespace {

using testing::HasSubstr;

constexpr uint64_t kWorker = 7;  // of shard_test_support.h
constexpr uint64_t kSteps = 8;   // optimizer steps, 4 epochs of 2

Plan PlanOf(const std::string& changes, uint32_t servers) {
  Plan plan = SmallPlan(servers, /*micro_batches=*/1, kSteps);
  plan.clear_phases();
  plan.add_workers()->set_node(kWorker);
  plan.mutable_spec()->mutable_checkpoint()->set_every_steps(1);
  Plan changed;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(changes, &changed));
  plan.MergeFrom(changed);
  if (plan.phases_size() == 0) {
    plan.add_phases()->mutable_synchronisation()->set_mode(SYNCHRONOUS);
  }
  plan.set_total_steps(StepSchedule(plan).total_steps());
  plan.set_blocks_since(plan.incarnation());
  return plan;
}

// The shards of a job, and a worker that pushes a gradient that depends on the
// step and the block alone.
class Shards : public NormCarrier {
 public:
  // The initial values, or those that the plan says to restore below `root`.
  Shards(const Plan& plan, const std::string& root) : plan_(plan) {
    for (int i = 0; i < plan.servers_size(); ++i) {
      auto values = plan.has_restore() ? OpenRestoredValues(plan, root)
                                       : OpenInitialValues(plan, root, "");
      EXPECT_TRUE(values.ok()) << values.status();
      auto shard = ParameterShard::Create(
          plan, static_cast<uint32_t>(i), **values, this, &clock_,
          /*audit=*/nullptr,
          {.checkpoint_ready =
               [this](CheckpointSnapshot snapshot) {
                 snapshots_[snapshot.step].push_back(std::move(snapshot));
               },
           .lease_waits = [] {},
           .milestone = [] {}});
      EXPECT_TRUE(shard.ok()) << shard.status();
      shards_.push_back(*std::move(shard));
    }
  }

  void Send(const std::string& address,
            const ShareNormsRequest& norms) override {
    const auto index = static_cast<size_t>(address.back() - '0');
    EXPECT_TRUE(shards_[index]->ReceiveNorms(norms).ok());
  }

  void Step(uint64_t step) {
    const StepSchedule schedule(plan_);
    const bool on_arrival =
        schedule.PhaseOf(step).synchronisation().mode() != SYNCHRONOUS;
    for (const Block& block : plan_.blocks()) {
      FrameHeader header = PushHeader(plan_, block, step, {0, 0});
      if (on_arrival) {
        header.kind = FrameKind::kPushRun;
        header.position = step;
        header.run = 1;
      }
      if (block.id() == 0) {
        header.sums = {static_cast<int64_t>(100 + step), 1, 2};
      }
      std::mt19937 random(static_cast<uint32_t>(1000 * step + block.id()));
      std::normal_distribution<float> value;
      std::vector<float> gradient(block.elements());
      for (float& each : gradient) each = value(random);
      const std::vector<absl::Span<const char>> pieces = {
          {reinterpret_cast<const char*>(gradient.data()),
           header.payload_bytes}};
      shards_[block.server()]->Handle({header, pieces, sink_, [] {}});
    }
    EXPECT_TRUE(sink_->Take().empty());
    for (auto& shard : shards_) shard->ReleaseCheckpoint(step + 1);
  }

  std::vector<float> Theta(uint64_t version) {
    for (auto& shard : shards_) {
      FrameHeader header = PullHeader(plan_, kAllBlocks, version);
      header.kind = FrameKind::kRead;
      header.position = kAnyPosition;
      shard->Handle({header, {}, sink_, [] {}});
    }
    std::vector<float> theta(plan_.parameters());
    for (const auto& reply : sink_->Take()) {
      EXPECT_EQ(reply.header.kind, FrameKind::kBlock) << reply.payload;
      const Block& block = plan_.blocks(static_cast<int>(reply.header.block));
      const std::vector<float> floats = reply.Floats();
      std::copy(floats.begin(), floats.end(),
                theta.begin() + static_cast<int64_t>(block.offset()));
    }
    return theta;
  }

  // Writes the checkpoint of a step; the server files' CRC32C.
  std::vector<uint32_t> Write(uint64_t step, const std::string& root) {
    nlohmann::json manifest = {{"format", 1},
                               {"job", plan_.spec().name()},
                               {"step", step},
                               {"parameters", plan_.parameters()}};
    std::string directory;
    std::vector<uint32_t> checksums;
    for (const CheckpointSnapshot& snapshot : snapshots_.at(step)) {
      const auto written = WriteCheckpoint(snapshot, root);
      EXPECT_TRUE(written.ok()) << written.status();
      directory = written->directory();
      checksums.push_back(written->crc32c());
      manifest["files"].push_back({{"name", written->file()},
                                   {"bytes", written->bytes()},
                                   {"crc32c", written->crc32c()}});
    }
    for (const Block& block : plan_.blocks()) {
      manifest["blocks"].push_back({{"id", block.id()},
                                    {"offset", block.offset()},
                                    {"elements", block.elements()}});
    }
    for (const TensorShape& tensor : plan_.tensors()) {
      nlohmann::json entry = {{"name", tensor.name()},
                              {"offset", tensor.offset()}};
      for (const uint64_t size : tensor.dimensions()) {
        entry["shape"].push_back(size);
      }
      manifest["tensors"].push_back(entry);
    }
    EXPECT_TRUE(
        WriteWholeFile(directory + "/manifest.json", manifest.dump()).ok());
    return checksums;
  }

  const Plan& plan() const { return plan_; }

 private:
  const RealClock clock_;
  const Plan plan_;
  std::shared_ptr<RecordingSink> sink_ = std::make_shared<RecordingSink>();
  std::map<uint64_t, std::vector<CheckpointSnapshot>> snapshots_;
  std::vector<std::unique_ptr<ParameterShard>> shards_;
};

class RestoreTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "/" +
            testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
    root_ = std::filesystem::canonical(root_);
  }

  Plan RolledBack(const std::string& changes, uint32_t servers, uint64_t step) {
    Plan plan = PlanOf(changes, servers);
    plan.set_incarnation(20);
    plan.set_blocks_since(20);
    plan.mutable_restore()->set_step(step);
    plan.mutable_restore()->set_directory(root_ + "/small/step-" +
                                          std::to_string(step));
    return plan;
  }

  // To every step, onto as many servers, fewer and more.
  void ExpectTheSameFromAnyStep(const std::string& changes) {
    SCOPED_TRACE(changes);
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_ + "/again");
    Shards undisturbed(PlanOf(changes, 2), root_);
    const uint64_t steps = undisturbed.plan().total_steps();
    std::map<uint64_t, std::vector<uint32_t>> checksums;
    for (uint64_t step = 0; step < steps; ++step) {
      undisturbed.Step(step);
      checksums[step + 1] = undisturbed.Write(step + 1, root_);
    }
    const std::vector<float> expected = undisturbed.Theta(steps);
    for (uint64_t from = 1; from <= steps; ++from) {
      for (const uint32_t servers : {1, 2, 3}) {
        SCOPED_TRACE(testing::Message()
                     << "step " << from << ", servers " << servers);
        Shards again(RolledBack(changes, servers, from), root_);
        for (uint64_t step = from; step < steps; ++step) again.Step(step);
        EXPECT_EQ(again.Theta(steps), expected);
        // The next checkpoint knows all that this one did.
        if (servers != 2 || from == steps) continue;
        EXPECT_EQ(again.Write(from + 1, root_ + "/again"),
                  checksums.at(from + 1));
      }
    }
  }

  std::string root_;
};

TEST_F(RestoreTest, EveryOptimizerGoesOnWithTheSameBits) {
  for (const char* optimizer :
       {"sgd {}", "sgd { momentum: 0.9 } clip_global_norm: 0.3", "adam {}",
        "adamw {} clip_global_norm: 0.3", "adagrad {}"}) {
    ExpectTheSameFromAnyStep("spec { optimizer { " + std::string(optimizer) +
                             " } }");
  }
}

TEST_F(RestoreTest, PushesAppliedOnArrival) {
  ExpectTheSameFromAnyStep(
      "spec { optimizer { adam {} } }"
      "phases { synchronisation { mode: ASYNCHRONOUS } }");
}

// The outer optimizer's state is fresh where its phase begins, and only there.
TEST_F(RestoreTest, PhasesWithOptimizersOfTheirOwn) {
  ExpectTheSameFromAnyStep(
      "spec { optimizer { adam {} } synchronisation {"
      "  outer { learning_rate: 0.7 momentum: 0.9 } } }"
      "phases { synchronisation { mode: SYNCHRONOUS } }"
      "phases { from_step: 2 synchronisation {"
      "  mode: SYNCHRONOUS local_steps: 2"
      "  outer { learning_rate: 0.7 momentum: 0.9 } } }"
      "phases { from_step: 4 synchronisation { mode: ASYNCHRONOUS } }");
}

// Its block's server is lost before it has told anything.
TEST_F(RestoreTest, AReplicaThatTakesOverAtOnceKnowsWhatTheEpochHadDone) {
  const std::string changes = "spec { optimizer { adam {} } }";
  Shards shards(PlanOf(changes, 2), root_);
  for (uint64_t step = 0; step < 3; ++step) shards.Step(step);
  shards.Write(3, root_);
  Plan plan = RolledBack(changes, 2, 3);
  for (Block& block : *plan.mutable_blocks()) {
    block.set_replica(2 - block.server());
  }
  const auto values = OpenRestoredValues(plan, root_);
  ASSERT_TRUE(values.ok()) << values.status();
  const RealClock clock;
  const auto replica =
      ParameterShard::Create(plan, 1, **values, &shards, &clock,
                             /*audit=*/nullptr,
                             {.checkpoint_ready = [](CheckpointSnapshot) {},
                              .lease_waits = [] {},
                              .milestone = [] {}});
  ASSERT_TRUE(replica.ok()) << replica.status();
  plan.set_incarnation(21);
  plan.set_placed_since(21);
  plan.mutable_servers()->DeleteSubrange(0, 1);
  for (Block& block : *plan.mutable_blocks()) {
    block.set_server(0);
    block.clear_replica();
  }
  (*replica)->Adopt(plan, 0);
  const StepsDone done = (*replica)->TakeStepsDone();
  EXPECT_EQ(done.step(), 3u);
  EXPECT_EQ(done.first_step(), 2u);
  ASSERT_EQ(done.per_epoch_size(), 1);
  EXPECT_EQ(done.per_epoch(0).samples(), 2u);
  EXPECT_EQ(done.per_epoch(0).loss_nanonats(), 102);
}

TEST_F(RestoreTest, WhatIsNotWholeIsRefusedAndNamed) {
  const std::string changes = "spec { optimizer { adam {} } }";
  Shards shards(PlanOf(changes, 2), root_);
  shards.Step(0);
  shards.Write(1, root_);
  Plan plan = RolledBack(changes, 1, 1);
  EXPECT_TRUE(OpenRestoredValues(plan, root_).ok());
  // The root may be reached by a link; nothing leads out of it.
  std::filesystem::create_directory_symlink(root_, root_ + "/link");
  EXPECT_TRUE(OpenRestoredValues(plan, root_ + "/link").ok());
  std::filesystem::create_directory(root_ + "/elsewhere");
  EXPECT_TRUE(absl::IsPermissionDenied(
      OpenRestoredValues(plan, root_ + "/elsewhere").status()));
  plan.mutable_restore()->set_step(2);
  EXPECT_THAT(std::string(OpenRestoredValues(plan, root_).status().message()),
              HasSubstr("wanted is step 2"));
  plan.mutable_restore()->set_step(1);
  for (const auto& entry :
       std::filesystem::directory_iterator(plan.restore().directory())) {
    if (entry.path().extension() != ".safetensors") continue;
    std::fstream(entry.path(), std::ios::in | std::ios::out)
        .seekp(-1, std::ios::end)
        .put('x');
  }
  const auto values = OpenRestoredValues(plan, root_);
  ASSERT_TRUE(values.ok()) << values.status();
  for (const Block& block : plan.blocks()) {
    std::vector<float> out(block.elements());
    for (const absl::Status& status :
         {(*values)->Fill(plan, block, out.data()),
          (*values)->FillState(block, "first_moment", out.data()),
          (*values)->UpdatesOf(block).status()}) {
      EXPECT_TRUE(absl::IsDataLoss(status)) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr("is damaged"));
    }
  }
  EXPECT_TRUE(absl::IsNotFound(
      OpenRestoredValues(RolledBack(changes, 1, 7), root_).status()));
}

}  // namespace
}  // namespace hawser
