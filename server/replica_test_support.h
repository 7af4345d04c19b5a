// Two shards, of which each may keep replicas of the other's blocks, and what
// goes between them.
#ifndef HAWSER_SERVER_REPLICA_TEST_SUPPORT_H_
#define HAWSER_SERVER_REPLICA_TEST_SUPPORT_H_

#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/job/initial_values.h"
#include "common/threads.h"
#include "gtest/gtest.h"
#include "server/block_fetch.h"
#include "server/parameter_shard.h"
#include "server/shard_test_support.h"

namespace hawser {

inline constexpr uint64_t kWorker = 7;

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
  void HasPassed() {
    absl::MutexLock lock(&mutex_);
    ++passed_;
  }
  // Until so many have come through, and have been handled.
  void AwaitPassed(int count) {
    absl::MutexLock lock(&mutex_);
    const auto enough = [&] { return passed_ >= count; };
    mutex_.Await(absl::Condition(&enough));
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
  int passed_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Kept for as long as a shard has a frame.
class Payload {
 public:
  explicit Payload(absl::Span<const char> bytes)
      : bytes_(bytes.begin(), bytes.end()), piece_(bytes_) {}
  PayloadPieces pieces() const { return {&piece_, 1}; }

 private:
  const std::string bytes_;
  const absl::Span<const char> piece_;
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
    const auto kept = std::make_shared<Payload>(payload);
    to_->Handle({header, kept->pieces(), inbox_, [kept] {}});
    door_->HasPassed();
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
        whole += Fetch(i, arrivals.front());
      }
      shard->Settle();
    }
    return whole;
  }
  // The same of the replicas that server i fills while the job runs.
  int Fill(uint32_t i) {
    int whole = 0;
    for (auto fills = shards_[i]->Fills(); !fills.empty();
         fills = shards_[i]->Fills()) {
      whole += Fetch(i, fills.front());
    }
    return whole;
  }
  // Returns whether it came whole.
  bool Fetch(uint32_t i, const ParameterShard::Arrival& arrival) {
    bool whole = false;
    Channel channel(shards_[arrival.from].get(), &fetch_door_);
    BlockFetch fetch(&plan_, 100 + i, &channel);
    EXPECT_TRUE(fetch
                    .Run({{arrival.block, arrival.have}},
                         [&](uint32_t block, BlockContents contents) {
                           whole = !contents.vectors.empty();
                           if (before_receive_) before_receive_();
                           return shards_[i]
                               ->Receive(block, std::move(contents))
                               .status();
                         })
                    .ok());
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
    const auto payload = std::make_shared<Payload>(absl::Span<const char>(
        reinterpret_cast<const char*>(floats.data()), header.payload_bytes));
    ShardOf(block)->Handle({header, payload->pieces(), inbox_, [payload] {}});
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
  // By an error for each block: those who waited.
  void AwaitRefusals() {
    for (int b = 0; b < plan_.blocks_size(); ++b) {
      EXPECT_EQ(inbox_->Next().header.kind, FrameKind::kError);
    }
  }
  void Pull(uint64_t version) {
    for (const Block& block : plan_.blocks()) {
      Handle(block, PullHeader(plan_, block.id(), version), {});
    }
  }

  Plan plan_;
  Door door_;        // between servers
  Door fetch_door_;  // for what is fetched
  std::function<void()> before_receive_;
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  std::vector<std::unique_ptr<ParameterShard>> shards_;

 private:
  RealClock clock_;
};

inline Plan ReplicatedPlan(uint32_t micro_batches, uint64_t steps) {
  Plan plan = SmallPlan(2, micro_batches, steps);
  plan.mutable_spec()->mutable_optimizer()->mutable_adam();
  for (Block& block : *plan.mutable_blocks()) {
    block.set_replica((1 - block.server()) + 1);
  }
  plan.add_workers()->set_node(kWorker);
  return plan;
}

// What one server alone makes of it.
inline std::vector<float> Alone(Plan plan,
                                const std::vector<float>& gradients) {
  for (Block& block : *plan.mutable_blocks()) block.clear_replica();
  Pair pair(plan);
  std::vector<float> theta;
  for (size_t step = 0; step < gradients.size(); ++step) {
    pair.Push(step, gradients[step]);
    theta = pair.Theta(step + 1);
  }
  return theta;
}

}  // namespace hawser

#endif  // HAWSER_SERVER_REPLICA_TEST_SUPPORT_H_
