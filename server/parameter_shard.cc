#include "server/parameter_shard.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/metrics_proto.h"
#include "common/optimizer/learning_rate.h"
#include "common/status_macros.h"
#include "glog/logging.h"

namespace hawser {
namespace {

uint64_t CheckpointEvery(const Plan& plan) {
  const CheckpointSpec& spec = plan.spec().checkpoint();
  if (spec.every_epochs() == 0) return spec.every_steps();
  // More epochs than the job has: only at the end. No product can wrap.
  if (spec.every_epochs() > plan.total_steps() / plan.steps_per_epoch()) {
    return 0;
  }
  return spec.every_epochs() * plan.steps_per_epoch();
}

std::vector<std::string> PeersOf(const Plan& plan, uint32_t server) {
  std::vector<bool> holds(static_cast<size_t>(plan.servers_size()), false);
  for (const Block& block : plan.blocks()) holds[block.server()] = true;
  std::vector<std::string> peers;
  for (int i = 0; i < plan.servers_size(); ++i) {
    if (static_cast<uint32_t>(i) == server || !holds[static_cast<size_t>(i)]) {
      continue;
    }
    peers.push_back(plan.servers(i).address());
  }
  return peers;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ParameterShard>> ParameterShard::Create(
    const Plan& plan, uint32_t server, NormCarrier* norms,
    Callbacks callbacks) {
  ASSIGN_OR_RETURN(auto optimizer, MakeOptimizer(plan.spec().optimizer()));
  return absl::WrapUnique(new ParameterShard(plan, server, std::move(optimizer),
                                             norms, std::move(callbacks)));
}

ParameterShard::ParameterShard(const Plan& plan, uint32_t server,
                               std::unique_ptr<Optimizer> optimizer,
                               NormCarrier* norms, Callbacks callbacks)
    : plan_(plan),
      server_(server),
      checkpoint_every_(CheckpointEvery(plan)),
      optimizer_(std::move(optimizer)),
      norm_carrier_(norms),
      callbacks_(std::move(callbacks)),
      block_by_id_(static_cast<size_t>(plan.blocks_size()), nullptr),
      incarnation_(plan.incarnation()),
      norm_gather_(static_cast<uint32_t>(plan.blocks_size()), 0),
      peers_(PeersOf(plan, server)) {
  shared_.job = plan.job();
  shared_.micro_batches = plan.spec().schedule().micro_batches();
  shared_.needs_norm = plan.spec().optimizer().clip_global_norm() > 0;
  shared_.optimizer = optimizer_.get();
  shared_.listener = this;
  for (const Block& block : plan.blocks()) {
    if (block.server() != server) continue;
    blocks_.push_back(std::make_unique<BlockStore>(&shared_, plan, block,
                                                   plan.incarnation()));
    block_by_id_[block.id()] = blocks_.back().get();
  }
}

void ParameterShard::Adopt(const Plan& plan) {
  CHECK_EQ(plan.blocks_size(), plan_.blocks_size());
  incarnation_.store(plan.incarnation());
  {
    absl::MutexLock lock(&norm_mutex_);
    peers_ = PeersOf(plan, server_);
  }
  for (const auto& block : blocks_) block->Adopt(plan.incarnation());
}

void ParameterShard::Handle(IncomingFrame frame) {
  const FrameHeader& header = frame.header;
  const uint64_t current = incarnation();
  absl::Status refusal;
  if (closed()) {
    refusal = absl::NotFoundError("the job is over");
  } else if (header.incarnation != current) {
    refusal = StaleIncarnation(header.incarnation, current);
  } else if (header.kind == FrameKind::kPull && header.block == kAllBlocks) {
    for (const auto& block : blocks_) block->Pull(header, frame.sink);
    frame.done();
    return;
  } else if (BlockHere(header.block) == nullptr) {
    refusal = absl::InvalidArgumentError(
        absl::StrCat("block ", header.block, " is not on this server"));
  } else if (header.kind == FrameKind::kPush) {
    BlockHere(header.block)->Push(std::move(frame));
    return;
  } else if (header.kind == FrameKind::kPull) {
    BlockHere(header.block)->Pull(header, frame.sink);
    frame.done();
    return;
  } else {
    refusal = absl::InvalidArgumentError("a server takes pushes and pulls");
  }
  frame.sink->Send(ErrorFrame(header, refusal));
  frame.done();
}

BlockStore* ParameterShard::BlockHere(uint32_t id) const {
  return id < block_by_id_.size() ? block_by_id_[id] : nullptr;
}

UpdateStep ParameterShard::StepOf(uint64_t step, double clip) const {
  UpdateStep update;
  update.step = step;
  update.learning_rate =
      LearningRateAt(plan_.spec().learning_rate(), step, plan_.total_steps(),
                     plan_.steps_per_epoch());
  update.gradient_scale =
      static_cast<float>(clip / static_cast<double>(shared_.micro_batches));
  return update;
}

void ParameterShard::SumReady(uint32_t block, uint64_t step,
                              double squared_norm, const SampleSums& sums) {
  if (block == 0) {
    absl::MutexLock lock(&steps_mutex_);
    if (steps_done_.per_step_size() == 0) steps_done_.set_first_step(step);
    *steps_done_.add_per_step() = ToProto(sums);
  }
  if (!shared_.needs_norm) {
    block_by_id_[block]->Update(StepOf(step, 1.0));
    return;
  }
  ShareNormsRequest request;
  request.set_job(plan_.job());
  request.set_incarnation(incarnation());
  request.set_step(step);
  BlockNorm* norm = request.add_norms();
  norm->set_block(block);
  norm->set_squared_norm(squared_norm);
  std::vector<std::string> peers;
  std::optional<double> total;
  {
    absl::MutexLock lock(&norm_mutex_);
    peers = peers_;
    total = norm_gather_.Add(step, block, squared_norm);
  }
  SendNorms(request, peers);
  if (total.has_value()) UpdateAll(step, *total);
}

absl::Status ParameterShard::ReceiveNorms(const ShareNormsRequest& request) {
  if (request.incarnation() != incarnation()) {
    return StaleIncarnation(request.incarnation(), incarnation());
  }
  std::optional<double> total;
  {
    absl::MutexLock lock(&norm_mutex_);
    for (const BlockNorm& norm : request.norms()) {
      if (norm.block() >= block_by_id_.size() ||
          BlockHere(norm.block()) != nullptr) {
        return absl::InvalidArgumentError(absl::StrCat(
            "the norm of block ", norm.block(), " is not a peer's to tell"));
      }
      const auto complete =
          norm_gather_.Add(request.step(), norm.block(), norm.squared_norm());
      if (complete.has_value()) total = complete;
    }
  }
  if (total.has_value()) UpdateAll(request.step(), *total);
  return absl::OkStatus();
}

void ParameterShard::ResendNorms() {
  if (!shared_.needs_norm) return;
  std::vector<ShareNormsRequest> requests;
  std::vector<std::string> peers;
  {
    absl::MutexLock lock(&norm_mutex_);
    const uint64_t step = norm_gather_.step();
    if (step > 0) requests.push_back(KnownNorms(step - 1));
    requests.push_back(KnownNorms(step));
    peers = peers_;
  }
  for (const ShareNormsRequest& request : requests) {
    if (request.norms_size() != 0) SendNorms(request, peers);
  }
}

ShareNormsRequest ParameterShard::KnownNorms(uint64_t step) const {
  ShareNormsRequest request;
  request.set_job(plan_.job());
  request.set_incarnation(incarnation());
  request.set_step(step);
  for (const auto& block : blocks_) {
    const std::optional<double> known = norm_gather_.Known(step, block->id());
    if (!known.has_value()) continue;
    BlockNorm* norm = request.add_norms();
    norm->set_block(block->id());
    norm->set_squared_norm(*known);
  }
  return request;
}

void ParameterShard::SendNorms(const ShareNormsRequest& request,
                               const std::vector<std::string>& peers) {
  for (const std::string& peer : peers) norm_carrier_->Send(peer, request);
}

void ParameterShard::UpdateAll(uint64_t step, double squared_norm) {
  const double norm =
      std::sqrt(squared_norm) / static_cast<double>(shared_.micro_batches);
  const double limit = plan_.spec().optimizer().clip_global_norm();
  const double clip = norm > limit ? limit / norm : 1.0;
  for (const auto& block : blocks_) block->Update(StepOf(step, clip));
}

bool ParameterShard::WantsSnapshot(uint64_t version) {
  return version == plan_.total_steps() ||
         (checkpoint_every_ != 0 && version % checkpoint_every_ == 0);
}

void ParameterShard::TakeSnapshot(BlockSnapshot snapshot) {
  CheckpointSnapshot complete;
  complete.step = snapshot.version;
  {
    absl::MutexLock lock(&checkpoint_mutex_);
    std::vector<BlockSnapshot>& blocks = gathering_[snapshot.version];
    blocks.push_back(std::move(snapshot));
    if (blocks.size() != blocks_.size()) return;
    complete.blocks = std::move(blocks);
    gathering_.erase(complete.step);
  }
  complete.job = plan_.job();
  complete.server = server_;
  complete.job_name = plan_.spec().name();
  complete.directory = plan_.spec().checkpoint().directory();
  complete.state_names = optimizer_->StateNames();
  std::sort(complete.blocks.begin(), complete.blocks.end(),
            [](const BlockSnapshot& a, const BlockSnapshot& b) {
              return a.block < b.block;
            });
  callbacks_.checkpoint_ready(std::move(complete));
}

void ParameterShard::VersionReached(uint32_t block, uint64_t version) {
  if (block == 0 && (version == plan_.total_steps() ||
                     version % plan_.steps_per_epoch() == 0)) {
    callbacks_.milestone();
  }
}

absl::StatusOr<uint64_t> ParameterShard::Progress(uint64_t incarnation) const {
  if (incarnation != incarnation_.load()) {
    return StaleIncarnation(incarnation, incarnation_.load());
  }
  uint64_t step = std::numeric_limits<uint64_t>::max();
  for (const auto& block : blocks_) step = std::min(step, block->version());
  return step;
}

StepsDone ParameterShard::TakeStepsDone() {
  absl::MutexLock lock(&steps_mutex_);
  StepsDone taken;
  taken.Swap(&steps_done_);
  taken.set_step(taken.first_step() +
                 static_cast<uint64_t>(taken.per_step_size()));
  return taken;
}

void ParameterShard::Close() {
  closed_.store(true);
  constexpr uint64_t kNone = 0;  // incarnations start at 1
  for (const auto& block : blocks_) block->Adopt(kNone);
}

}  // namespace hawser
