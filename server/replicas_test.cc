// Two shards, of which each keeps replicas of the other's blocks: what is told
// when, and what is left when one of them is lost.
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/job/initial_values.h"
#include "common/threads.h"
#include "gtest/gtest.h"
#include "server/block_fetch.h"
#include "server/parameter_shard.h"
#include "server/shard_test_support.h"

namespace hawser {
namespace {

constexpr uint64_t kWorker = 7;

// Replies, of which one may wait for so many.
class Inbox : public ReplySink {
 public:
  void Send(OutgoingFrame frame) override {
    absl::MutexLock lock(&mutex_);
    replies_.push_back(
        {*DecodeFrameHeader(frame.header),
         std::string(frame.payload.data(), frame.payload.size())});
  }
  RecordingSink::Reply Next() {
    absl::MutexLock lock(&mutex_);
    const auto some = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return !replies_.empty() || closed_;
    };
    mutex_.Await(absl::Condition(&some));
    if (replies_.empty()) return {};
    RecordingSink::Reply reply = replies_.front();
    replies_.pop_front();
    return reply;
  }
  void Close() {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }
  bool closed() {
    absl::MutexLock lock(&mutex_);
    return closed_ && replies_.empty();
  }
  bool empty() {
    absl::MutexLock lock(&mutex_);
    return replies_.empty();
  }

 private:
  absl::Mutex mutex_;
  std::deque<RecordingSink::Reply> replies_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

// A door that frames between servers go through.
class Door {
 public:
  void Set(bool open) {
    absl::MutexLock lock(&mutex_);
    open_ = open;
  }
  // False: it was cancelled.
  bool Pass(const bool* cancelled) {
    absl::MutexLock lock(&mutex_);
    ++waiting_;
    const auto may = [&] { return open_ || *cancelled; };
    mutex_.Await(absl::Condition(&may));
    --waiting_;
    return !*cancelled;
  }
  void Cancel(bool* flag) {
    absl::MutexLock lock(&mutex_);
    *flag = true;
  }
  // Until somebody stands before it.
  void AwaitKnock() {
    absl::MutexLock lock(&mutex_);
    const auto some = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return waiting_ > 0;
    };
    mutex_.Await(absl::Condition(&some));
  }

 private:
  absl::Mutex mutex_;
  bool open_ ABSL_GUARDED_BY(mutex_) = true;
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;
};

class Channel : public ParameterChannel {
 public:
  Channel(ParameterShard* to, Door* door) : to_(to), door_(door) {}
  absl::StatusOr<uint64_t> GetProgress(uint64_t, uint64_t) override {
    return 0;
  }
  absl::Status Send(const FrameHeader& header,
                    absl::Span<const char> payload) override {
    if (!door_->Pass(&cancelled_)) return absl::CancelledError("");
    to_->Handle({header, {&payload, 1}, inbox_, [] {}});
    return absl::OkStatus();
  }
  absl::Status Receive(
      absl::FunctionRef<absl::Status(const FrameHeader&, PayloadPieces)> use)
      override {
    const RecordingSink::Reply reply = inbox_->Next();
    if (inbox_->closed()) return absl::CancelledError("");
    const absl::Span<const char> piece(reply.payload);
    return use(reply.header, {&piece, 1});
  }
  void Cancel() override {
    door_->Cancel(&cancelled_);
    inbox_->Close();
  }

 private:
  ParameterShard* const to_;
  Door* const door_;
  bool cancelled_ = false;
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
};

class Pair : public NormCarrier {
 public:
  explicit Pair(Plan plan) : plan_(std::move(plan)) {
    for (uint32_t i = 0; i < 2; ++i) {
      shards_.push_back(*ParameterShard::Create(
          plan_, i, *RandomValues(), this, &clock_, /*audit=*/nullptr,
          {.checkpoint_ready = [](CheckpointSnapshot) {},
           .lease_waits = [] {},
           .milestone = [] {}},
          /*memory=*/nullptr, /*trace=*/nullptr,
          {.make_channel =
               [this](const ServerEndpoint& server) {
                 return std::make_unique<Channel>(
                     shards_[server.node() - 100].get(), &door_);
               },
           .threads = RealThreads()}));
    }
    Level();
  }
  ~Pair() override {
    for (auto& shard : shards_) {
      if (shard != nullptr) shard->Close();
    }
  }

  void Send(const std::string& address,
            const ShareNormsRequest& norms) override {
    const auto& shard = shards_[static_cast<size_t>(address.back() - '0')];
    if (shard != nullptr) shard->ReceiveNorms(norms).IgnoreError();
  }

  // As a server's driver does; returns how many blocks were fetched whole.
  int Level() {
    int whole = 0;
    for (uint32_t i = 0; i < shards_.size(); ++i) {
      ParameterShard* const shard = shards_[i].get();
      if (shard == nullptr) continue;
      for (auto arrivals = shard->Arrivals(); !arrivals.empty();
           arrivals = shard->Arrivals()) {
        const auto& first = arrivals.front();
        Channel channel(shards_[first.from].get(), &door_);
        BlockFetch fetch(&plan_, 100 + i, &channel);
        EXPECT_TRUE(fetch
                        .Run({{first.block, first.have}},
                             [&](uint32_t block, BlockContents contents) {
                               whole += !contents.vectors.empty();
                               return shard->Receive(block, std::move(contents))
                                   .status();
                             })
                        .ok());
      }
      shard->Settle();
    }
    return whole;
  }

  void Adopt() {
    for (uint32_t i = 0; i < 2; ++i) {
      if (shards_[i] != nullptr) shards_[i]->Adopt(plan_, i);
    }
  }
  // Server 1 is the only one from here on.
  void LoseFirst() {
    shards_[0]->Close();
    shards_[0].reset();
    plan_.set_incarnation(plan_.incarnation() + 1);
    plan_.set_placed_since(plan_.incarnation());
    for (Block& block : *plan_.mutable_blocks()) {
      block.set_server(0);
      block.clear_replica();
    }
    *plan_.mutable_servers(0) = plan_.servers(1);
    plan_.mutable_servers()->RemoveLast();
    shards_[1]->Adopt(plan_, 0);
    shards_[1]->Settle();
  }

  ParameterShard* ShardOf(const Block& block) {
    return shards_.back() != nullptr && plan_.servers_size() == 1
               ? shards_[1].get()
               : shards_[block.server()].get();
  }
  void Handle(const Block& block, const FrameHeader& header,
              const std::vector<float>& floats) {
    struct Payload {
      std::vector<float> floats;
      absl::Span<const char> piece;
    };
    const auto payload = std::make_shared<Payload>(Payload{floats, {}});
    payload->piece = {reinterpret_cast<const char*>(payload->floats.data()),
                      header.payload_bytes};
    ShardOf(block)->Handle(
        {header, {&payload->piece, 1}, inbox_, [payload] {}});
  }
  // The same gradient everywhere, and asks for the next version.
  void Push(uint64_t step, float gradient) {
    for (const Block& block : plan_.blocks()) {
      FrameHeader header = PushHeader(plan_, block, step, {0, 0});
      header.flags = kNextWanted;
      Handle(block, header, std::vector<float>(block.elements(), gradient));
    }
  }
  // Of every block, in order of blocks.
  std::vector<float> Theta(uint64_t version) {
    std::map<uint32_t, std::vector<float>> blocks;
    while (blocks.size() < static_cast<size_t>(plan_.blocks_size())) {
      const auto reply = inbox_->Next();
      EXPECT_EQ(reply.header.kind, FrameKind::kBlock) << reply.payload;
      EXPECT_EQ(reply.header.clock, version);
      blocks[reply.header.block] = reply.Floats();
    }
    std::vector<float> theta;
    for (const auto& [id, floats] : blocks) {
      theta.insert(theta.end(), floats.begin(), floats.end());
    }
    return theta;
  }
  void Pull(uint64_t version) {
    for (const Block& block : plan_.blocks()) {
      Handle(block, PullHeader(plan_, block.id(), version), {});
    }
  }

  Plan plan_;
  Door door_;
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  std::vector<std::unique_ptr<ParameterShard>> shards_;

 private:
  RealClock clock_;
};

Plan ReplicatedPlan(uint32_t micro_batches, uint64_t steps) {
  Plan plan = SmallPlan(2, micro_batches, steps);
  plan.mutable_spec()->mutable_optimizer()->mutable_adam();
  for (Block& block : *plan.mutable_blocks()) {
    block.set_replica((1 - block.server()) + 1);
  }
  plan.add_workers()->set_node(kWorker);
  return plan;
}

// What one server alone makes of it.
std::vector<float> Alone(Plan plan, const std::vector<float>& gradients) {
  for (Block& block : *plan.mutable_blocks()) block.clear_replica();
  Pair pair(plan);
  std::vector<float> theta;
  for (size_t step = 0; step < gradients.size(); ++step) {
    pair.Push(step, gradients[step]);
    theta = pair.Theta(step + 1);
  }
  return theta;
}

class ReplicasTest : public testing::TestWithParam<double> {
 protected:
  Plan PlanToTest() {
    Plan plan = ReplicatedPlan(1, 10);
    plan.mutable_spec()->mutable_optimizer()->set_clip_global_norm(GetParam());
    return plan;
  }
};

TEST_P(ReplicasTest, WhoTakesOverHasTheSameBits) {
  const Plan plan = PlanToTest();
  Pair pair(plan);
  for (uint64_t step = 0; step < 3; ++step) {
    pair.Push(step, 0.5f + static_cast<float>(step));
    pair.Theta(step + 1);
  }
  pair.LoseFirst();
  pair.Pull(3);
  EXPECT_EQ(pair.Theta(3), Alone(plan, {0.5, 1.5, 2.5}));
  // The version before, too.
  pair.Pull(2);
  EXPECT_EQ(pair.Theta(2), Alone(plan, {0.5, 1.5}));
  pair.Push(3, -4);
  EXPECT_EQ(pair.Theta(4), Alone(plan, {0.5, 1.5, 2.5, -4}));
}

TEST_P(ReplicasTest, NobodyIsToldOfAnUpdateThatTheReplicaLacks) {
  const Plan plan = PlanToTest();
  Pair pair(plan);
  pair.Push(0, 1);
  pair.Theta(1);
  pair.door_.Set(false);
  pair.Push(1, 2);
  pair.door_.AwaitKnock();
  EXPECT_TRUE(pair.inbox_->empty());
  EXPECT_EQ(pair.shards_[0]->completed_steps(), 1u);
  pair.door_.Set(true);
  EXPECT_EQ(pair.Theta(2), Alone(plan, {1, 2}));
}

TEST_P(ReplicasTest, AnUpdateOnItsWayIsMadeInTheNextIncarnation) {
  const Plan plan = PlanToTest();
  Pair pair(plan);
  pair.Push(0, 1);
  pair.Theta(1);
  pair.door_.Set(false);
  pair.Push(1, 2);
  pair.door_.AwaitKnock();
  pair.plan_.set_incarnation(10);
  pair.Adopt();
  pair.door_.Set(true);
  for (int b = 0; b < plan.blocks_size(); ++b) {  // those who waited
    EXPECT_EQ(pair.inbox_->Next().header.kind, FrameKind::kError);
  }
  pair.Level();
  pair.Push(1, 2);  // again
  EXPECT_EQ(pair.Theta(2), Alone(plan, {1, 2}));
}

TEST_P(ReplicasTest, TheStepInProgressIsMadeByWhoTakesOver) {
  const Plan plan = PlanToTest();
  Pair pair(plan);
  pair.Push(0, 1);
  pair.Theta(1);
  pair.door_.Set(false);
  pair.Push(1, 2);
  pair.door_.AwaitKnock();
  pair.LoseFirst();
  for (int b = 0; b < plan.blocks_size(); ++b) {  // those who waited
    EXPECT_EQ(pair.inbox_->Next().header.kind, FrameKind::kError);
  }
  pair.door_.Set(true);
  pair.Push(1, 2);  // again
  EXPECT_EQ(pair.Theta(2), Alone(plan, {1, 2}));
}

TEST_P(ReplicasTest, AReplicaThatIsMissingIsFilled) {
  const Plan plan = PlanToTest();
  Pair pair(plan);
  pair.Push(0, 1);
  pair.Theta(1);
  // Without replicas for a step.
  Plan alone = plan;
  for (Block& block : *alone.mutable_blocks()) block.clear_replica();
  alone.set_incarnation(10);
  pair.plan_ = alone;
  pair.Adopt();
  pair.Push(1, 2);
  pair.Theta(2);
  pair.plan_ = plan;
  pair.plan_.set_incarnation(11);
  pair.Adopt();
  EXPECT_EQ(pair.Level(), plan.blocks_size());
  pair.LoseFirst();
  pair.Pull(2);
  EXPECT_EQ(pair.Theta(2), Alone(plan, {1, 2}));
}

TEST_P(ReplicasTest, WhatIsAlikeIsNotFetched) {
  Pair pair(PlanToTest());
  pair.Push(0, 1);
  pair.Theta(1);
  pair.plan_.set_incarnation(10);
  pair.Adopt();
  EXPECT_EQ(pair.Level(), 0);
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutClipping, ReplicasTest,
                         testing::Values(0, 0.25));

// --- Where each push is applied on arrival ---

class ArrivalReplicasTest : public testing::Test {
 protected:
  ArrivalReplicasTest() : pair_(AsynchronousPlan()) {}

  static Plan AsynchronousPlan() {
    Plan plan = ReplicatedPlan(2, 10);
    plan.mutable_phases(0)->mutable_synchronisation()->set_mode(ASYNCHRONOUS);
    return plan;
  }
  void PushRun(uint64_t position, float gradient) {
    for (const Block& block : pair_.plan_.blocks()) {
      FrameHeader header = PushHeader(pair_.plan_, block, position, {});
      header.kind = FrameKind::kPushRun;
      header.flags = kAckWanted;
      header.position = position;
      header.run = 1;
      pair_.Handle(block, header,
                   std::vector<float>(block.elements(), gradient));
    }
  }
  // How many of the acks say that it was a repeat.
  int AwaitAcks() {
    int repeats = 0;
    for (int i = 0; i < pair_.plan_.blocks_size(); ++i) {
      const auto reply = pair_.inbox_->Next();
      EXPECT_EQ(reply.header.kind, FrameKind::kAck) << reply.payload;
      repeats += reply.header.flags == kRepeated;
    }
    return repeats;
  }
  std::vector<float> Read() {
    for (const Block& block : pair_.plan_.blocks()) {
      FrameHeader header = PullHeader(pair_.plan_, block.id(), 0);
      header.kind = FrameKind::kRead;
      header.position = kAnyPosition;
      pair_.Handle(block, header, {});
    }
    return pair_.Theta(0);
  }

  Pair pair_;
};

TEST_F(ArrivalReplicasTest, AnAcknowledgedPushIsInTheResultOnce) {
  PushRun(0, 1);
  EXPECT_EQ(AwaitAcks(), 0);
  PushRun(1, 2);
  EXPECT_EQ(AwaitAcks(), 0);
  const std::vector<float> theta = Read();
  pair_.LoseFirst();
  EXPECT_EQ(Read(), theta);
  PushRun(1, 3);
  EXPECT_EQ(AwaitAcks(), pair_.plan_.blocks_size());
  EXPECT_EQ(Read(), theta);
  PushRun(2, 3);
  EXPECT_EQ(AwaitAcks(), 0);
  EXPECT_NE(Read(), theta);
}

TEST_F(ArrivalReplicasTest, APushIsNotAcknowledgedBeforeTheReplicaHasIt) {
  pair_.door_.Set(false);
  PushRun(0, 1);
  pair_.door_.AwaitKnock();
  EXPECT_TRUE(pair_.inbox_->empty());
  pair_.door_.Set(true);
  EXPECT_EQ(AwaitAcks(), 0);
}

TEST_F(ArrivalReplicasTest, AReadThatComesAfterAPushSeesIt) {
  pair_.door_.Set(false);
  PushRun(0, 1);
  for (const Block& block : pair_.plan_.blocks()) {
    FrameHeader header = PullHeader(pair_.plan_, block.id(), 0);
    header.kind = FrameKind::kRead;
    header.position = kAnyPosition;
    pair_.Handle(block, header, {});
  }
  pair_.door_.AwaitKnock();
  EXPECT_TRUE(pair_.inbox_->empty());
  pair_.door_.Set(true);
  std::map<uint32_t, int> acked;
  for (int i = 0; i < 2 * pair_.plan_.blocks_size(); ++i) {
    const auto reply = pair_.inbox_->Next();
    if (reply.header.kind == FrameKind::kAck) {
      ++acked[reply.header.block];
      continue;
    }
    EXPECT_EQ(acked[reply.header.block], 1);
    EXPECT_EQ(reply.header.updates, 1u);
  }
}

}  // namespace
}  // namespace hawser
