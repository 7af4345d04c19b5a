// A replica that is filled while its block is at work.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "common/crc32c.h"
#include "gtest/gtest.h"
#include "server/replica_test_support.h"

namespace hawser {
namespace {

// Of two servers of which the first holds all blocks, and the second fills
// their replicas by the second plan.
class ReplicaFillTest : public testing::TestWithParam<double> {
 protected:
  static Plan WithoutReplicas(UpdateMode mode, double clip_norm) {
    Plan plan = ReplicatedPlan(mode == SYNCHRONOUS ? 1 : 2, 10);
    plan.mutable_spec()->mutable_optimizer()->set_clip_global_norm(clip_norm);
    plan.mutable_phases(0)->mutable_synchronisation()->set_mode(mode);
    for (Block& block : *plan.mutable_blocks()) {
      block.set_server(0);
      block.clear_replica();
    }
    return plan;
  }
  // To be filled: all of them.
  static void BeginFill(Pair* pair) {
    Plan& plan = pair->plan_;
    plan.set_incarnation(plan.incarnation() + 1);
    plan.clear_moves();
    for (Block& block : *plan.mutable_blocks()) {
      block.set_replica(2);
      BlockMove* move = plan.add_moves();
      move->set_block(block.id());
      move->set_from(0);
      move->set_replica(true);
    }
    pair->Adopt();
    EXPECT_EQ(pair->Level(), 0) << "somebody waits for the fill";
  }
  static void EndFill(Pair* pair) {
    pair->plan_.set_incarnation(pair->plan_.incarnation() + 1);
    pair->plan_.clear_moves();
    pair->Adopt();
  }
  static void Step(Pair* pair, uint64_t step, float gradient) {
    pair->Push(step, gradient);
    pair->Theta(step + 1);
  }
};

TEST_P(ReplicaFillTest, TheJobRunsOnAndTheReplicaIsLevel) {
  const Plan plan = WithoutReplicas(SYNCHRONOUS, GetParam());
  Pair pair(plan);
  Step(&pair, 0, 1);
  BeginFill(&pair);
  Step(&pair, 1, 2);  // nothing has been fetched
  EXPECT_EQ(pair.Fill(1), plan.blocks_size());
  Step(&pair, 2, 3);
  EXPECT_EQ(pair.Fill(1), 0);
  EndFill(&pair);
  EXPECT_EQ(pair.Level(), 0) << "a replica was not level";
  Step(&pair, 3, -4);
  pair.LoseFirst();
  pair.Pull(4);
  EXPECT_EQ(pair.Theta(4), Alone(plan, {1, 2, 3, -4}));
  pair.Pull(3);
  EXPECT_EQ(pair.Theta(3), Alone(plan, {1, 2, 3}));
  pair.Push(4, 5);
  EXPECT_EQ(pair.Theta(5), Alone(plan, {1, 2, 3, -4, 5}));
}

TEST_P(ReplicaFillTest, AnUpdateThatComesBeforeTheBlockIsKept) {
  const Plan plan = WithoutReplicas(SYNCHRONOUS, GetParam());
  Pair pair(plan);
  Step(&pair, 0, 1);
  BeginFill(&pair);
  bool is_pushed = false;
  pair.before_receive_ = [&] {
    if (std::exchange(is_pushed, true)) return;
    // The first block has been handed out, and is not there yet.
    pair.Push(1, 2);
    pair.door_.AwaitPassed(1);
    EXPECT_EQ(pair.shards_[0]->completed_steps(), 1u);
  };
  EXPECT_EQ(pair.Fill(1), plan.blocks_size());
  EXPECT_EQ(pair.Theta(2), Alone(plan, {1, 2}));
  EndFill(&pair);
  EXPECT_EQ(pair.Level(), 0);
  pair.LoseFirst();
  pair.Pull(2);
  EXPECT_EQ(pair.Theta(2), Alone(plan, {1, 2}));
}

TEST_P(ReplicaFillTest, OnceABlockIsHandedOutItWaitsForItsReplica) {
  const Plan plan = WithoutReplicas(SYNCHRONOUS, GetParam());
  Pair pair(plan);
  Step(&pair, 0, 1);
  BeginFill(&pair);
  EXPECT_EQ(pair.Fill(1), plan.blocks_size());
  pair.door_.Set(false);
  pair.Push(1, 2);
  pair.door_.AwaitKnock();
  EXPECT_TRUE(pair.inbox_->empty());
  EXPECT_EQ(pair.shards_[0]->completed_steps(), 1u);
  pair.door_.Set(true);
  EXPECT_EQ(pair.Theta(2), Alone(plan, {1, 2}));
}

TEST_P(ReplicaFillTest, WhatWaitedForAFillThatBeginsAnewIsMadeAtOnce) {
  const Plan plan = WithoutReplicas(SYNCHRONOUS, GetParam());
  Pair pair(plan);
  Step(&pair, 0, 1);
  BeginFill(&pair);
  pair.Fill(1);
  pair.door_.Set(false);
  pair.Push(1, 2);
  pair.door_.AwaitKnock();
  BeginFill(&pair);
  pair.AwaitRefusals();
  pair.Pull(2);
  EXPECT_EQ(pair.Theta(2), Alone(plan, {1, 2}));
  pair.door_.Set(true);
  pair.Fill(1);
  Step(&pair, 2, 3);
  EndFill(&pair);
  EXPECT_EQ(pair.Level(), 0);
  pair.LoseFirst();
  pair.Pull(3);
  EXPECT_EQ(pair.Theta(3), Alone(plan, {1, 2, 3}));
}

// Keeps frames as they are sent, with what they point to.
class KeepingSink : public ReplySink {
 public:
  void Send(OutgoingFrame frame) override {
    absl::MutexLock lock(&mutex_);
    frames_.push_back(std::move(frame));
  }
  void AwaitFrames(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto enough = [&] { return frames_.size() >= count; };
    mutex_.Await(absl::Condition(&enough));
  }
  bool AreAsTheyWereSent() {
    absl::MutexLock lock(&mutex_);
    return std::all_of(frames_.begin(), frames_.end(), [](const auto& frame) {
      return DecodeFrameHeader(frame.header)->payload_crc32c ==
             Crc32c(frame.payload.data(), frame.payload.size());
    });
  }

 private:
  absl::Mutex mutex_;
  std::vector<OutgoingFrame> frames_ ABSL_GUARDED_BY(mutex_);
};

TEST_P(ReplicaFillTest, WhatWhoTookOverHandsOutIsNotWrittenTo) {
  const Plan plan = WithoutReplicas(SYNCHRONOUS, GetParam());
  Pair pair(plan);
  Step(&pair, 0, 1);
  BeginFill(&pair);
  pair.Fill(1);
  EndFill(&pair);
  pair.Level();
  pair.LoseFirst();
  const auto kept = std::make_shared<KeepingSink>();
  for (const Block& block : pair.plan_.blocks()) {
    FrameHeader header = PullHeader(pair.plan_, block.id(), 0);
    header.kind = FrameKind::kFetch;
    pair.shards_[1]->Handle({header, {}, kept, [] {}});
  }
  // Of each block what is known of it, two versions and Adam's two vectors.
  kept->AwaitFrames(5 * static_cast<size_t>(plan.blocks_size()));
  Step(&pair, 1, 2);
  EXPECT_TRUE(kept->AreAsTheyWereSent());
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutClipping, ReplicaFillTest,
                         testing::Values(0, 0.25));

}  // namespace
}  // namespace hawser
