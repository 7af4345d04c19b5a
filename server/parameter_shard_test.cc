// Shards and their blocks, without a network: pushes and pulls in any order,
// repetition and incarnation, against a plain reference.
#include "server/parameter_shard.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "common/job/initial_values.h"
#include "gtest/gtest.h"
#include "server/shard_test_support.h"

namespace hawser {
namespace {

std::vector<float> InitialTheta(const Plan& plan) {
  std::vector<float> theta(plan.parameters());
  for (const Block& block : plan.blocks()) {
    FillBlock(plan, block, theta.data() + block.offset());
  }
  return theta;
}

// All of its floats.
std::string ContentOf(const CheckpointSnapshot& snapshot) {
  std::string content;
  for (const BlockSnapshot& block : snapshot.blocks) {
    const auto add = [&](const FloatBuffer& values) {
      content.append(values.bytes().data(), values.bytes().size());
    };
    add(*block.parameters);
    for (const auto& vector : block.state) add(*vector);
  }
  return content;
}

std::vector<uint64_t> SkippedBy(ParameterShard* shard) {
  std::vector<uint64_t> steps;
  for (const CheckpointFailed& failed : shard->TakeSkippedCheckpoints()) {
    for (const uint64_t step : failed.skipped_steps()) steps.push_back(step);
  }
  return steps;
}

// Several shards of one job, norms carried between them at once (or lost).
class Cluster : public NormCarrier {
 public:
  explicit Cluster(const Plan& plan) : plan_(plan) {
    for (int i = 0; i < plan.servers_size(); ++i) {
      auto shard = ParameterShard::Create(
          plan, static_cast<uint32_t>(i), *RandomValues(), this, &clock_,
          /*audit=*/nullptr,
          {.checkpoint_ready =
               [this](CheckpointSnapshot snapshot) {
                 if (disk_is_fast) {
                   shards[snapshot.server]->ReleaseCheckpoint(snapshot.step);
                 }
                 contents.push_back(ContentOf(snapshot));
                 checkpoints.push_back(std::move(snapshot));
               },
           .lease_waits = [] {},
           .milestone = [this] { ++milestones; }});
      EXPECT_TRUE(shard.ok());
      shards.push_back(*std::move(shard));
    }
  }

  void Send(const std::string& address,
            const ShareNormsRequest& norms) override {
    if (norms_lost) return;
    const size_t index = static_cast<size_t>(address.back() - '0');
    if (index < shards.size()) {
      shards[index]->ReceiveNorms(norms).IgnoreError();
    }
  }

  // Pushes the gradient of a tree node to every block, in the given order.
  void Push(uint64_t step, TreeNode node, const std::vector<float>& gradient,
            std::vector<int> order = {}) {
    if (order.empty()) {
      for (int b = 0; b < plan_.blocks_size(); ++b) order.push_back(b);
    }
    for (const int b : order) {
      const Block& block = plan_.blocks(b);
      FrameHeader header = PushHeader(plan_, block, step, node);
      header.flags = push_flags;
      if (b == 0) header.sums = {10, 1, 2};
      const auto* bytes =
          reinterpret_cast<const char*>(gradient.data() + block.offset());
      // Cut inside a float, as a network does.
      const size_t cut = std::min<size_t>(5, header.payload_bytes);
      const std::vector<absl::Span<const char>> pieces = {
          {bytes, cut}, {bytes + cut, header.payload_bytes - cut}};
      bool done = false;
      shards[block.server()]->Handle(
          {header, pieces, sink, [&done] { done = true; }});
      EXPECT_TRUE(done);
    }
  }

  void Pull(uint64_t version) {
    for (auto& shard : shards) {
      bool done = false;
      shard->Handle({PullHeader(plan_, kAllBlocks, version), {}, sink, [&done] {
                       done = true;
                     }});
      EXPECT_TRUE(done);
    }
  }

  // The parameters that the replies hold; all of them must be `version`.
  std::vector<float> TakeTheta(uint64_t version) {
    std::vector<float> theta(plan_.parameters(), NAN);
    std::set<uint32_t> seen;
    for (const auto& reply : sink->Take()) {
      EXPECT_EQ(reply.header.kind, FrameKind::kBlock) << reply.payload;
      EXPECT_EQ(reply.header.clock, version);
      EXPECT_EQ(reply.header.payload_crc32c,
                Crc32c(reply.payload.data(), reply.payload.size()));
      EXPECT_TRUE(seen.insert(reply.header.block).second);
      const Block& block = plan_.blocks(static_cast<int>(reply.header.block));
      const std::vector<float> floats = reply.Floats();
      std::copy(floats.begin(), floats.end(),
                theta.begin() + static_cast<int64_t>(block.offset()));
    }
    EXPECT_EQ(seen.size(), static_cast<size_t>(plan_.blocks_size()));
    return theta;
  }

  const RealClock clock_;
  const Plan plan_;
  std::shared_ptr<RecordingSink> sink = std::make_shared<RecordingSink>();
  std::vector<std::unique_ptr<ParameterShard>> shards;
  std::vector<CheckpointSnapshot> checkpoints;
  std::vector<std::string> contents;  // of them, when they came
  bool disk_is_fast = true;
  int milestones = 0;
  bool norms_lost = false;
  uint16_t push_flags = 0;
};

std::vector<float> RandomGradient(const Plan& plan, std::mt19937* random) {
  std::normal_distribution<float> value;
  std::vector<float> gradient(plan.parameters());
  for (float& each : gradient) each = value(*random);
  return gradient;
}

TEST(ParameterShardTest, AStepIsTheMeanGradientAppliedOnce) {
  std::mt19937 random(1);
  const Plan plan = SmallPlan(2, 2, 4);
  Cluster cluster(plan);
  cluster.Pull(0);
  std::vector<float> theta = cluster.TakeTheta(0);
  EXPECT_EQ(theta, InitialTheta(plan));
  for (uint64_t step = 0; step < 4; ++step) {
    const std::vector<float> left = RandomGradient(plan, &random);
    const std::vector<float> right = RandomGradient(plan, &random);
    cluster.Pull(step + 1);  // parked
    EXPECT_TRUE(cluster.sink->Take().empty());
    cluster.Push(step, {0, 1}, right);
    cluster.Push(step, {0, 1}, right);  // a repeat counts once
    EXPECT_TRUE(cluster.sink->Take().empty());
    cluster.Push(step, {0, 0}, left);
    for (size_t i = 0; i < theta.size(); ++i) {
      theta[i] -= 0.5f * ((left[i] + right[i]) * 0.5f);
    }
    EXPECT_EQ(cluster.TakeTheta(step + 1), theta);
    cluster.Push(step, {0, 0}, left);  // late repeat of a complete step
    cluster.Pull(step + 1);
    EXPECT_EQ(cluster.TakeTheta(step + 1), theta);
  }
  // Sums over samples came from block 0 once per step and micro-batch.
  const StepsDone steps = cluster.shards[0]->TakeStepsDone();
  EXPECT_EQ(steps.step(), 4u);
  ASSERT_EQ(steps.per_epoch_size(), 2);
  for (const Metrics& metrics : steps.per_epoch()) {
    EXPECT_EQ(metrics.loss_nanonats(), 40);
    EXPECT_EQ(metrics.samples(), 8u);
  }
  EXPECT_EQ(cluster.shards[1]->TakeStepsDone().per_epoch_size(), 0);
  EXPECT_EQ(cluster.milestones, 2);  // epochs of two steps
}

TEST(ParameterShardTest, AStepWithAVoidPushChangesNothingButTheVersion) {
  // Of all that a step could change: Adam's moments and its count of updates,
  // weights by their decay, the norm that clips.
  Plan plan = SmallPlan(2, 2, 9);
  OptimizerSpec* optimizer = plan.mutable_spec()->mutable_optimizer();
  AdamSpec* adam = optimizer->mutable_adamw();
  adam->set_beta1(0.9);
  adam->set_beta2(0.99);
  adam->set_epsilon(1e-8);
  optimizer->set_weight_decay(0.1);
  optimizer->set_clip_global_norm(0.5);
  std::mt19937 random(11);
  const std::vector<float> zeros(plan.parameters(), 0.0f);
  const std::vector<float> gradients[] = {RandomGradient(plan, &random),
                                          RandomGradient(plan, &random)};
  Cluster cluster(plan);
  Cluster without(plan);
  const auto step = [&](Cluster* one, uint64_t number, int gradient) {
    one->Push(number, {0, 0}, gradients[gradient]);
    one->Push(number, {0, 1}, gradients[gradient]);
  };
  step(&cluster, 0, 0);
  step(&without, 0, 0);
  cluster.Push(1, {0, 0}, gradients[1]);
  cluster.push_flags = kVoid;
  cluster.Push(1, {0, 1}, zeros);
  cluster.Push(1, {0, 1}, zeros);  // a repeat
  cluster.push_flags = 0;
  without.Pull(1);
  const std::vector<float> after_one = without.TakeTheta(1);
  for (const uint64_t version : {1, 2}) {
    cluster.Pull(version);
    EXPECT_EQ(cluster.TakeTheta(version), after_one);
  }
  step(&cluster, 2, 1);
  step(&without, 1, 1);
  cluster.Pull(3);
  without.Pull(2);
  EXPECT_EQ(cluster.TakeTheta(3), without.TakeTheta(2));
}

TEST(ParameterShardTest, OneVersionBehindCanBeReadAndTheStepRepeated) {
  std::mt19937 random(2);
  const Plan plan = SmallPlan(1, 1, 9);
  Cluster cluster(plan);
  const std::vector<float> gradient = RandomGradient(plan, &random);
  // Half of the blocks complete step 0 before the worker dies.
  cluster.Push(0, {0, 0}, gradient, {0, 1});
  EXPECT_EQ(*cluster.shards[0]->Progress(9), 0u);
  cluster.Pull(0);  // its successor repeats the step from version 0
  EXPECT_EQ(cluster.TakeTheta(0), InitialTheta(plan));
  cluster.Push(0, {0, 0}, gradient);
  EXPECT_EQ(*cluster.shards[0]->Progress(9), 1u);
  cluster.Pull(1);
  std::vector<float> expected = InitialTheta(plan);
  for (size_t i = 0; i < expected.size(); ++i)
    expected[i] -= 0.5f * gradient[i];
  EXPECT_EQ(cluster.TakeTheta(1), expected);
}

TEST(ParameterShardTest, ClipsByTheNormOfTheWholeGradient) {
  std::mt19937 random(3);
  std::vector<float> first;
  for (const uint32_t servers : {1u, 2u, 3u}) {
    std::mt19937 same(4);
    Plan plan = SmallPlan(servers, 1, 9);
    plan.mutable_spec()->mutable_optimizer()->set_clip_global_norm(0.25);
    Cluster cluster(plan);
    const std::vector<float> gradient = RandomGradient(plan, &same);
    std::vector<int> order;
    for (int b = 0; b < plan.blocks_size(); ++b) order.push_back(b);
    std::shuffle(order.begin(), order.end(), random);
    cluster.Push(0, {0, 0}, gradient, order);
    cluster.Pull(1);
    const std::vector<float> theta = cluster.TakeTheta(1);
    double norm = 0;
    for (const float g : gradient) norm += double{g} * g;
    const double scale = 0.25 / std::sqrt(norm);
    const std::vector<float> start = InitialTheta(plan);
    for (size_t i = 0; i < theta.size(); ++i) {
      EXPECT_NEAR(theta[i], start[i] - 0.5 * scale * gradient[i], 1e-7);
    }
    // The same bits for any number of servers and order of arrival.
    if (first.empty()) first = theta;
    EXPECT_EQ(theta, first);
  }
}

TEST(ParameterShardTest, NormsThatWereLostAreSentAgain) {
  std::mt19937 random(5);
  Plan plan = SmallPlan(2, 1, 9);
  plan.mutable_spec()->mutable_optimizer()->set_clip_global_norm(0.25);
  Cluster cluster(plan);
  cluster.norms_lost = true;
  cluster.Push(0, {0, 0}, RandomGradient(plan, &random));
  EXPECT_EQ(*cluster.shards[0]->Progress(9), 0u);
  cluster.norms_lost = false;
  cluster.shards[0]->ResendNorms();  // the second server has all of them now
  EXPECT_EQ(*cluster.shards[0]->Progress(9), 0u);
  EXPECT_EQ(*cluster.shards[1]->Progress(9), 1u);
  cluster.shards[1]->ResendNorms();  // those of the step before, too
  EXPECT_EQ(*cluster.shards[0]->Progress(9), 1u);
}

TEST(ParameterShardTest, APeerSpeaksForItsOwnBlocksOnly) {
  Plan plan = SmallPlan(2, 1, 9);
  plan.mutable_spec()->mutable_optimizer()->set_clip_global_norm(0.25);
  Cluster cluster(plan);
  ShareNormsRequest request;
  request.set_incarnation(9);
  request.add_norms()->set_block(0);  // the first server's own
  EXPECT_FALSE(cluster.shards[0]->ReceiveNorms(request).ok());
  EXPECT_TRUE(cluster.shards[1]->ReceiveNorms(request).ok());
  request.mutable_norms(0)->set_block(1000);
  EXPECT_FALSE(cluster.shards[1]->ReceiveNorms(request).ok());
}

TEST(ParameterShardTest, StaleIncarnationsAreFenced) {
  std::mt19937 random(6);
  Plan plan = SmallPlan(1, 1, 9);
  Cluster cluster(plan);
  cluster.Pull(1);  // parked under incarnation 9
  Plan next = plan;
  next.set_incarnation(12);
  cluster.shards[0]->Adopt(next, 0);
  for (const auto& reply : cluster.sink->Take()) {
    EXPECT_EQ(reply.header.kind, FrameKind::kError);
  }
  cluster.Push(0, {0, 0}, RandomGradient(plan, &random));  // by 9: refused
  for (const auto& reply : cluster.sink->Take()) {
    EXPECT_EQ(reply.header.kind, FrameKind::kError);
    EXPECT_NE(reply.payload.find("stale incarnation 9"), std::string::npos);
  }
  EXPECT_FALSE(cluster.shards[0]->Progress(9).ok());
  EXPECT_EQ(*cluster.shards[0]->Progress(12), 0u);
}

TEST(ParameterShardTest, NonsenseIsRefusedAndCountsForNothing) {
  std::mt19937 random(7);
  const Plan plan = SmallPlan(2, 4, 9);
  Cluster cluster(plan);
  const std::vector<float> gradient = RandomGradient(plan, &random);
  const Block& block = plan.blocks(0);
  const auto refused = [&](const FrameHeader& header) {
    const std::vector<absl::Span<const char>> pieces = {
        {reinterpret_cast<const char*>(gradient.data()), header.payload_bytes}};
    cluster.shards[0]->Handle({header, pieces, cluster.sink, [] {}});
    const auto replies = cluster.sink->Take();
    return replies.size() == 1 && replies[0].header.kind == FrameKind::kError;
  };
  FrameHeader header = PushHeader(plan, block, 0, {5, 0});
  EXPECT_TRUE(refused(header));  // no such node
  header = PushHeader(plan, block, 1, {0, 0});
  EXPECT_TRUE(refused(header));  // a step ahead
  header = PushHeader(plan, block, 0, {0, 0});
  header.payload_bytes -= 4;
  EXPECT_TRUE(refused(header));  // too short
  EXPECT_TRUE(refused(PushHeader(plan, plan.blocks(1), 0, {0, 0})));
  EXPECT_TRUE(refused(PullHeader(plan, 99, 0)));
  EXPECT_TRUE(refused(PullHeader(plan, 0, 2)));
  header = PullHeader(plan, 0, 0);
  header.kind = FrameKind::kBlock;
  EXPECT_TRUE(refused(header));
  cluster.shards[0]->Close();
  EXPECT_TRUE(refused(PullHeader(plan, 0, 0)));
}

TEST(ParameterShardTest, CheckpointsHoldOneVersionOfEveryBlock) {
  std::mt19937 random(8);
  Plan plan = SmallPlan(2, 1, 5);
  plan.mutable_spec()->mutable_checkpoint()->set_every_steps(2);
  plan.mutable_spec()->mutable_optimizer()->mutable_sgd()->set_momentum(0.9);
  Cluster cluster(plan);
  for (uint64_t step = 0; step < 5; ++step) {
    cluster.Push(step, {0, 0}, RandomGradient(plan, &random));
  }
  ASSERT_EQ(cluster.checkpoints.size(), 6u);  // steps 2, 4 and 5, two servers
  cluster.Pull(5);
  const std::vector<float> last = cluster.TakeTheta(5);
  for (const CheckpointSnapshot& checkpoint : cluster.checkpoints) {
    for (const BlockSnapshot& block : checkpoint.blocks) {
      EXPECT_EQ(block.state_names, std::vector<std::string>{"velocity"});
      EXPECT_EQ(block.version, checkpoint.step);
      ASSERT_EQ(block.state.size(), 1u);
      if (checkpoint.step != 5) continue;
      const Block& place = plan.blocks(static_cast<int>(block.block));
      EXPECT_TRUE(
          std::equal(block.parameters->data(),
                     block.parameters->data() + block.parameters->elements(),
                     last.begin() + static_cast<int64_t>(place.offset())));
    }
  }
}

TEST(ParameterShardTest, SnapshotsStayAsTheyWereWhileTrainingGoesOn) {
  std::mt19937 random(9);
  Plan plan = SmallPlan(2, 1, 12);
  plan.mutable_spec()->mutable_optimizer()->mutable_adam();
  Plan with = plan;
  with.mutable_spec()->mutable_checkpoint()->set_every_steps(3);
  Cluster cluster(with);
  Cluster without(plan);
  for (uint64_t step = 0; step < 12; ++step) {
    const std::vector<float> gradient = RandomGradient(plan, &random);
    cluster.Push(step, {0, 0}, gradient);
    without.Push(step, {0, 0}, gradient);
  }
  ASSERT_EQ(cluster.checkpoints.size(), 8u);
  for (size_t i = 0; i < cluster.checkpoints.size(); ++i) {
    EXPECT_TRUE(ContentOf(cluster.checkpoints[i]) == cluster.contents[i])
        << "of step " << cluster.checkpoints[i].step;
  }
  // They change nothing of the result, the optimizer's state included.
  ASSERT_EQ(without.contents.size(), 2u);
  EXPECT_TRUE(cluster.contents[6] == without.contents[0]);
  EXPECT_TRUE(cluster.contents[7] == without.contents[1]);
}

TEST(ParameterShardTest, OneCheckpointAtATimeButTheLastOneAlways) {
  std::mt19937 random(10);
  Plan plan = SmallPlan(1, 1, 6);
  plan.mutable_spec()->mutable_checkpoint()->set_every_steps(1);
  Cluster cluster(plan);
  cluster.disk_is_fast = false;
  const auto push = [&](uint64_t step) {
    cluster.Push(step, {0, 0}, RandomGradient(plan, &random));
  };
  for (uint64_t step = 0; step < 3; ++step) push(step);
  EXPECT_EQ(SkippedBy(cluster.shards[0].get()), (std::vector<uint64_t>{2, 3}));
  cluster.shards[0]->ReleaseCheckpoint(1);
  for (uint64_t step = 3; step < 6; ++step) push(step);
  EXPECT_EQ(SkippedBy(cluster.shards[0].get()), std::vector<uint64_t>{5});
  ASSERT_EQ(cluster.checkpoints.size(), 3u);
  EXPECT_EQ(cluster.checkpoints[0].step, 1u);
  EXPECT_EQ(cluster.checkpoints[1].step, 4u);
  EXPECT_FALSE(cluster.checkpoints[1].is_last);
  EXPECT_EQ(cluster.checkpoints[2].step, 6u);
  EXPECT_TRUE(cluster.checkpoints[2].is_last);
}

TEST(ParameterShardTest, AnOrderedCheckpointIsOfAStepThatNoBlockHasMade) {
  std::mt19937 random(11);
  Plan plan = SmallPlan(2, 1, 9);
  plan.mutable_spec()->mutable_checkpoint()->set_every_seconds(1);
  Cluster cluster(plan);
  const auto push = [&](uint64_t step) {
    cluster.Push(step, {0, 0}, RandomGradient(plan, &random));
  };
  const auto order = [&](uint64_t step) {
    for (auto& shard : cluster.shards) shard->OrderCheckpoint(step);
  };
  push(0);
  order(3);
  push(1);
  order(3);  // as each heartbeat says
  push(2);
  push(3);
  ASSERT_EQ(cluster.checkpoints.size(), 2u);
  EXPECT_EQ(cluster.checkpoints[0].step, 3u);
  // Too late, for one block at least: for all of them.
  order(4);
  order(4);
  push(4);
  EXPECT_EQ(cluster.checkpoints.size(), 2u);
  for (auto& shard : cluster.shards) {
    const auto skipped = shard->TakeSkippedCheckpoints();
    ASSERT_EQ(skipped.size(), 1u);
    EXPECT_TRUE(skipped[0].too_late());
    EXPECT_EQ(skipped[0].step(), 4u);
    EXPECT_TRUE(shard->TakeSkippedCheckpoints().empty());
  }
  order(7);
  for (uint64_t step = 5; step < 9; ++step) push(step);
  ASSERT_EQ(cluster.checkpoints.size(), 6u);  // and the last one
  EXPECT_EQ(cluster.checkpoints[2].step, 7u);
}

}  // namespace
}  // namespace hawser
