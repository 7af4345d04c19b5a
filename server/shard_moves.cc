// Blocks that a plan takes from one server to another: what leaves and comes.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crc32c.h"
#include "common/job/plan_moves.h"
#include "common/status_macros.h"
#include "server/parameter_shard.h"

namespace hawser {
namespace {

// Part number `part` of a block's contents.
OutgoingFrame PartFrame(const FrameHeader& request, uint64_t part,
                        std::shared_ptr<const void> owner,
                        absl::Span<const char> bytes) {
  FrameHeader header;
  header.kind = FrameKind::kBlockState;
  header.job = request.job;
  header.incarnation = request.incarnation;
  header.node = request.node;
  header.block = request.block;
  header.position = part;
  header.payload_bytes = static_cast<uint32_t>(bytes.size());
  header.payload_crc32c = Crc32c(bytes.data(), bytes.size());
  return {EncodeFrameHeader(header), std::move(owner), bytes};
}

}  // namespace

void ParameterShard::Hold(std::shared_ptr<const Holding> holding) {
  absl::MutexLock lock(&holding_mutex_);
  holding_ = std::move(holding);
}

void ParameterShard::Arrange(const Plan& plan) {
  const auto before = holding();
  std::map<uint32_t, std::shared_ptr<BlockStore>> here;
  for (const auto& block : before->blocks) here[block->id()] = block;
  for (const auto& block : before->leaving) here[block->id()] = block;
  here.insert(before->replicas.begin(), before->replicas.end());
  level_.clear();
  const uint32_t server = this->server();
  std::set<uint32_t> leave;
  for (const BlockMove& move : plan.moves()) {
    if (move.from() == server && !move.replica()) leave.insert(move.block());
  }
  auto after = std::make_shared<Holding>();
  after->by_id.resize(before->by_id.size(), nullptr);
  for (const auto& [id, block] : here) {
    if (plan.blocks(static_cast<int>(id)).server() == server) {
      after->blocks.push_back(block);
      after->by_id[id] = block.get();
      // A replica that takes over.
      if (before->replicas.count(id) != 0) TakeNormOf(id);
    } else if (leave.count(id) != 0) {
      after->leaving.push_back(block);
    } else if (plan.blocks(static_cast<int>(id)).replica() == server + 1) {
      after->replicas[id] = block;
    }
  }
  desk_.store(after->by_id[0] != nullptr ? desk_owner_.get() : nullptr);
  Hold(std::move(after));
}

// It is on its way to another server, or has a replica there.
void ParameterShard::SendContents(const IncomingFrame& frame) {
  const FrameHeader& request = frame.header;
  if (request.incarnation != adopted_.load()) {
    frame.sink->Send(ErrorFrame(
        request, absl::FailedPreconditionError("not all has stopped yet")));
    return;
  }
  const auto holding = this->holding();
  const auto leaving = std::find_if(
      holding->leaving.begin(), holding->leaving.end(),
      [&](const auto& block) { return block->id() == request.block; });
  const bool leaves = leaving != holding->leaving.end();
  const std::shared_ptr<BlockStore> block =
      leaves ? *leaving : BlockHere(request.block);
  if (block == nullptr) {
    frame.sink->Send(ErrorFrame(
        request, absl::FailedPreconditionError(absl::StrCat(
                     "block ", request.block, " is not on this server"))));
    return;
  }
  // Its strand may be busy: this goes on elsewhere then.
  const auto send = [this, holding, request, leaves,
                     sink = frame.sink](BlockContents contents) {
    BlockState& state = contents.state;
    if (shared_.needs_norm && state.version() > 0) {
      absl::MutexLock lock(&norm_mutex_);
      const auto norm = norm_gather_.Known(state.version() - 1, request.block);
      if (norm.has_value()) state.set_squared_norm(*norm);
    }
    if (request.block == 0) {
      absl::MutexLock lock(&steps_mutex_);
      *state.mutable_epoch_sums() = epoch_sums_.Export();
    }
    if (request.block == 0 && desk_owner_ != nullptr) {
      *state.mutable_leases() =
          leaves ? desk_owner_->Export() : desk_owner_->ExportToReplica();
    }
    const auto text = std::make_shared<std::string>(state.SerializeAsString());
    if (text->size() > kMaxPayloadBytes) {
      sink->Send(ErrorFrame(request, absl::ResourceExhaustedError(
                                         "too many gaps in what was counted")));
      return;
    }
    sink->Send(PartFrame(request, 0, text, {text->data(), text->size()}));
    uint64_t part = 0;
    for (const auto& vector : contents.vectors) {
      sink->Send(PartFrame(request, ++part, vector, vector->bytes()));
    }
  };
  if (leaves) {
    block->Export(send);
    return;
  }
  std::string replica;
  for (const absl::Span<const char> piece : frame.pieces) {
    replica.append(piece.data(), piece.size());
  }
  block->ExportToReplica(std::move(replica), send);
}

std::vector<ParameterShard::Arrival> ParameterShard::Arrivals() const {
  const auto holding = this->holding();
  std::vector<Arrival> arrivals;
  if (!MovesBlocks(newest_)) {
    for (const Block& block : newest_.blocks()) {
      if (block.replica() != server() + 1 || level_.count(block.id()) != 0 ||
          filling_.count(block.id()) != 0) {
        continue;
      }
      arrivals.push_back(ReplicaToCome(block));
    }
    return arrivals;
  }
  for (const BlockMove& move : newest_.moves()) {
    const Block& block = newest_.blocks(static_cast<int>(move.block()));
    const bool is_missing = move.replica()
                                ? block.replica() == server() + 1 &&
                                      holding->replicas.count(move.block()) == 0
                                : block.server() == server() &&
                                      holding->by_id[move.block()] == nullptr;
    if (is_missing) arrivals.push_back({move.block(), move.from(), ""});
  }
  return arrivals;
}

std::vector<ParameterShard::Arrival> ParameterShard::Fills() const {
  std::vector<Arrival> fills;
  for (const uint32_t id : filling_) {
    const Block& block = newest_.blocks(static_cast<int>(id));
    if (block.replica() != server() + 1 || level_.count(id) != 0) continue;
    fills.push_back(ReplicaToCome(block));
  }
  return fills;
}

absl::StatusOr<uint64_t> ParameterShard::Receive(uint32_t block,
                                                 BlockContents contents) {
  const BlockState state = contents.state;
  if (newest_.blocks(static_cast<int>(block)).server() != server()) {
    RETURN_IF_ERROR(ReceiveReplica(block, std::move(contents)));
    return 0;
  }
  const BlockStore::Members members = MembersOf(block, /*leaves=*/false);
  auto store = std::make_shared<BlockStore>(
      &shared_, plan_.blocks(static_cast<int>(block)), members);
  RETURN_IF_ERROR(store->Import(std::move(contents)));
  if (block == 0) RETURN_IF_ERROR(ReceiveState(state));
  if (state.has_squared_norm()) {
    AddReceivedNorm(state.version() - 1, block, state.squared_norm());
  }
  uint64_t untouched = 0;
  store->Adopt(members, [&](uint64_t step) { untouched = step; });
  auto after = std::make_shared<Holding>(*holding());
  after->by_id[block] = store.get();
  after->blocks.push_back(std::move(store));
  std::sort(after->blocks.begin(), after->blocks.end(),
            [](const auto& a, const auto& b) { return a->id() < b->id(); });
  Hold(std::move(after));
  if (block == 0) desk_.store(desk_owner_.get());
  return untouched;
}

// What the shard of block 0 has besides the block.
absl::Status ParameterShard::ReceiveState(const BlockState& state) {
  RETURN_IF_ERROR(RestoreLeases(state));
  absl::MutexLock lock(&steps_mutex_);
  epoch_sums_.Restore(state.epoch_sums());
  return absl::OkStatus();
}

void ParameterShard::AddReceivedNorm(uint64_t step, uint32_t block,
                                     double squared_norm) {
  BlockNorm norm;
  norm.set_block(block);
  norm.set_squared_norm(squared_norm);
  norms_received_.emplace_back(step, std::move(norm));
}

absl::Status ParameterShard::RestoreLeases(const BlockState& state) {
  if (!state.has_leases()) return absl::OkStatus();
  if (desk_owner_ == nullptr) {
    desk_owner_ =
        std::make_unique<LeaseDesk>(newest_, clock_, callbacks_.lease_waits);
  }
  return desk_owner_->Restore(state.leases());
}

void ParameterShard::Settle() {
  if (!std::exchange(placed_anew_, false)) return;
  if (shared_.needs_norm) RestoreNorms();
  norms_received_.clear();
  GatherAnew();
  if (MovesBlocks(newest_)) return;
  members_.rests = false;
  const auto held = this->holding();
  for (const auto& block : held->blocks) block->Rouse();
}

void ParameterShard::RestoreNorms() {
  const auto holding = this->holding();
  if (holding->blocks.empty()) return;
  uint64_t least = ~uint64_t{0};
  uint64_t most = 0;
  for (const auto& block : holding->blocks) {
    least = std::min(least, block->version());
    most = std::max(most, block->version());
  }
  std::optional<std::pair<uint64_t, double>> total;
  {
    absl::MutexLock lock(&norm_mutex_);
    // If all are at one version, those elsewhere may be a step behind, and lack
    // the norms that made it.
    norm_gather_.SkipTo(least == most && least > 0 ? least - 1 : least);
    for (const auto& [step, norm] : norms_received_) {
      const auto complete =
          norm_gather_.Add(step, norm.block(), norm.squared_norm());
      if (complete.has_value()) total = {step, *complete};
    }
  }
  // Blocks that rest use it when they wake up.
  if (total.has_value()) UpdateAll(total->first, total->second);
}

}  // namespace hawser
