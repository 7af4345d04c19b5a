// Replicas of a shard's blocks on other servers, and of other servers' blocks
// here.
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "common/job/plan_moves.h"
#include "common/status_macros.h"
#include "glog/logging.h"
#include "server/parameter_shard.h"

namespace hawser {

BlockStore::Members ParameterShard::MembersOf(uint32_t block,
                                              bool leaves) const {
  BlockStore::Members members = members_;
  const Block& placed = newest_.blocks(static_cast<int>(block));
  const bool is_here = placed.server() == server();
  members.leaves = leaves;
  members.is_replica = !leaves && !is_here && placed.replica() == server() + 1;
  if (is_here && placed.replica() != 0) {
    members.replica = filling_.count(block) != 0
                          ? Replication::Replica::kFilling
                          : Replication::Replica::kFilled;
  }
  return members;
}

std::shared_ptr<BlockStore> ParameterShard::ReplicaHere(uint32_t id) const {
  const std::shared_ptr<const Holding> holding = this->holding();
  const auto found = holding->replicas.find(id);
  return found == holding->replicas.end() ? nullptr : found->second;
}

// --- Of blocks here ---

void ParameterShard::Unlink() {
  std::shared_ptr<const Links> before;
  {
    absl::MutexLock lock(&links_mutex_);
    before = std::exchange(links_, nullptr);
  }
  if (before == nullptr) return;
  for (const auto& link : before->all) link->Stop();
}

void ParameterShard::LinkUp(const Plan& plan) {
  if (server_links_.make_channel == nullptr) return;
  auto links = std::make_shared<Links>();
  std::map<uint32_t, ReplicaLink*> by_server;
  links->by_block.resize(static_cast<size_t>(plan.blocks_size()), nullptr);
  for (const Block& block : plan.blocks()) {
    if (block.server() != server() || block.replica() == 0) continue;
    ReplicaLink*& link = by_server[block.replica() - 1];
    if (link == nullptr) {
      links->all.push_back(std::make_unique<ReplicaLink>(
          [make = server_links_.make_channel,
           to = plan.servers(static_cast<int>(block.replica()) - 1)] {
            return make(to);
          },
          server_links_.threads));
      link = links->all.back().get();
    }
    links->by_block[block.id()] = link;
  }
  if (links->all.empty()) return;
  absl::MutexLock lock(&links_mutex_);
  links_ = std::move(links);
}

void ParameterShard::Replicate(const FrameHeader& header,
                               std::shared_ptr<const void> owner,
                               absl::Span<const char> payload,
                               std::function<void()> answered) {
  std::shared_ptr<const Links> links;
  {
    absl::MutexLock lock(&links_mutex_);
    links = links_;
  }
  // Another plan is being adopted: it is offered again.
  if (links == nullptr || links->by_block[header.block] == nullptr) return;
  links->by_block[header.block]->Send(
      {.header = header,
       .payload = payload,
       .owner = std::move(owner),
       .answered = [block = BlockHere(header.block),
                    answered = std::move(answered)] { answered(); }});
}

// Whoever leases work for the job holds its answers back until the replica of
// block 0 knows what would be left.
void ParameterShard::ReplicateLeases(const LeaseState& state,
                                     std::function<void()> answered) {
  const auto payload = std::make_shared<std::string>(state.SerializeAsString());
  FrameHeader header;
  header.kind = FrameKind::kReplicaLeases;
  header.job = plan_.job();
  header.incarnation = incarnation();
  header.clock = lease_states_.fetch_add(1);
  header.position = kAnyPosition;  // not a run's
  Replicate(header, payload, {payload->data(), payload->size()},
            std::move(answered));
}

// --- Here, of blocks elsewhere ---

void ParameterShard::AwaitFills(const Plan& plan, uint32_t server) {
  filling_.clear();
  std::set<uint32_t> here;
  if (FillsReplicas(plan)) {
    for (const BlockMove& move : plan.moves()) {
      filling_.insert(move.block());
      const Block& block = plan.blocks(static_cast<int>(move.block()));
      if (block.replica() == server + 1) here.insert(block.id());
    }
  }
  fills_here_ = !here.empty();
  early_updates_.Await(plan.incarnation(), std::move(here));
}

void ParameterShard::ReleaseEarly(uint32_t block) {
  early_updates_.Release(
      block, [this](IncomingFrame frame) { FollowHere(std::move(frame)); });
}

void ParameterShard::FollowHere(IncomingFrame frame) {
  absl::Status refusal;
  if (frame.header.kind == FrameKind::kReplicaLeases) {
    refusal = TakeLeases(frame);
  } else if (const auto replica = ReplicaHere(frame.header.block)) {
    replica->Follow(std::move(frame));
    return;
  } else {
    refusal = absl::FailedPreconditionError(
        absl::StrCat("no replica of block ", frame.header.block, " is here"));
  }
  if (!refusal.ok()) frame.sink->Send(ErrorFrame(frame.header, refusal));
  frame.done();
}

absl::Status ParameterShard::TakeLeases(const IncomingFrame& frame) {
  if (ReplicaHere(0) == nullptr) {
    return absl::FailedPreconditionError("no replica of block 0 is here");
  }
  std::string text;
  for (const absl::Span<const char> piece : frame.pieces) {
    text.append(piece.data(), piece.size());
  }
  LeaseState state;
  if (!state.ParseFromString(text)) {
    return absl::InvalidArgumentError("leases that cannot be read");
  }
  {
    absl::MutexLock lock(&leases_mutex_);
    replica_leases_ = std::move(state);
  }
  FrameHeader ack = frame.header;
  ack.kind = FrameKind::kAck;
  ack.payload_bytes = 0;
  ack.payload_crc32c = 0;
  frame.sink->Send({EncodeFrameHeader(ack), nullptr, {}});
  return absl::OkStatus();
}

// Block 0 may be here now, and was a replica before. As long as it is one, what
// is known of its leases is kept: the next plan may make this server take over
// before the replica has shown again that it is level.
void ParameterShard::TakeOverLeases() {
  LeaseDesk* const desk = desk_.load();
  std::optional<LeaseState> state;
  {
    absl::MutexLock lock(&leases_mutex_);
    if (desk == nullptr && ReplicaHere(0) != nullptr) return;
    state = std::exchange(replica_leases_, std::nullopt);
  }
  if (desk == nullptr || !state.has_value()) return;
  const absl::Status status = desk->Restore(*state);
  LOG_IF(ERROR, !status.ok()) << "job " << job() << ": " << status;
  desk->StepCompleted(BlockHere(0)->version());
}

void ParameterShard::Followed(uint32_t block, uint64_t step,
                              double squared_norm) {
  if (!shared_.needs_norm) return;
  absl::MutexLock lock(&norm_mutex_);
  replica_norms_[block] = {step, squared_norm};
}

// For others whose blocks are a step behind.
void ParameterShard::TakeNormOf(uint32_t replica) {
  absl::MutexLock lock(&norm_mutex_);
  const auto norm = replica_norms_.extract(replica);
  if (norm.empty()) return;
  AddReceivedNorm(norm.mapped().first, replica, norm.mapped().second);
}

ParameterShard::Arrival ParameterShard::ReplicaToCome(
    const Block& block) const {
  Arrival arrival = {block.id(), block.server(), ""};
  if (const auto replica = ReplicaHere(block.id())) {
    absl::BlockingCounter known(1);
    replica->Export([&](const BlockContents& contents) {
      arrival.have = contents.state.SerializeAsString();
      known.DecrementCount();
    });
    known.Wait();
  }
  return arrival;
}

absl::Status ParameterShard::ReceiveReplica(uint32_t block,
                                            BlockContents contents) {
  const BlockState state = contents.state;
  if (block == 0) {
    {
      absl::MutexLock lock(&steps_mutex_);
      epoch_sums_.Restore(state.epoch_sums());
    }
    absl::MutexLock lock(&leases_mutex_);
    replica_leases_.reset();
    if (state.has_leases()) replica_leases_ = state.leases();
  }
  if (shared_.needs_norm) {
    absl::MutexLock lock(&norm_mutex_);
    replica_norms_.erase(block);
    if (state.has_squared_norm()) {
      replica_norms_[block] = {state.version() - 1, state.squared_norm()};
    }
  }
  if (state.unchanged()) {
    level_.insert(block);
    ReleaseEarly(block);
    return absl::OkStatus();
  }
  auto store = std::make_shared<BlockStore>(
      &shared_, plan_.blocks(static_cast<int>(block)),
      MembersOf(block, /*leaves=*/false));
  RETURN_IF_ERROR(store->Import(std::move(contents)));
  store->Adopt(MembersOf(block, /*leaves=*/false), nullptr);
  auto after = std::make_shared<Holding>(*holding());
  after->replicas[block] = std::move(store);
  Hold(std::move(after));
  if (filling_.count(block) != 0) level_.insert(block);
  ReleaseEarly(block);
  return absl::OkStatus();
}

}  // namespace hawser
