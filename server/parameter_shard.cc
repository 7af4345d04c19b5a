#include "server/parameter_shard.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "common/job/job_rules.h"
#include "common/job/plan_moves.h"
#include "common/metrics_proto.h"
#include "common/optimizer/learning_rate.h"
#include "common/status_macros.h"
#include "glog/logging.h"

namespace hawser {
namespace {

// Applied to the mean of the local changes.
OptimizerSpec OuterSpec(const SynchronisationSpec& spec) {
  OptimizerSpec outer;
  outer.mutable_sgd()->set_momentum(spec.outer().momentum());
  outer.mutable_sgd()->set_nesterov(spec.outer().nesterov());
  return outer;
}

bool AnyPhaseLeases(const Plan& plan) {
  return std::any_of(
      plan.phases().begin(), plan.phases().end(), [&](const Phase& phase) {
        return UsesLeases(plan.spec().scheduling(), phase.synchronisation());
      });
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

size_t BlocksOf(const Plan& plan, uint32_t server) {
  return static_cast<size_t>(
      std::count_if(plan.blocks().begin(), plan.blocks().end(),
                    [server](const Block& b) { return b.server() == server; }));
}

bool IsRead(FrameKind kind) {
  return kind == FrameKind::kPull || kind == FrameKind::kRead ||
         kind == FrameKind::kTick;
}

bool IsForReplica(FrameKind kind) {
  return kind == FrameKind::kUpdate || kind == FrameKind::kReplicaRun ||
         kind == FrameKind::kReplicaLeases;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ParameterShard>> ParameterShard::Create(
    const Plan& plan, uint32_t server, const InitialValues& values,
    NormCarrier* norms, const Clock* clock, std::unique_ptr<AuditLog> audit,
    Callbacks callbacks, std::unique_ptr<SharedMemory> memory,
    TraceRecorder* trace, ServerLinks links) {
  ASSIGN_OR_RETURN(auto optimizer, MakeOptimizer(plan.spec().optimizer()));
  ASSIGN_OR_RETURN(auto outer,
                   MakeOptimizer(OuterSpec(plan.spec().synchronisation())));
  auto shard = absl::WrapUnique(new ParameterShard(
      plan, server, values.step(), std::move(optimizer), std::move(outer),
      norms, clock, std::move(audit), std::move(callbacks), std::move(memory),
      trace, std::move(links)));
  RETURN_IF_ERROR(shard->Initialise(values));
  return shard;
}

ParameterShard::ParameterShard(const Plan& plan, uint32_t server,
                               uint64_t first_step,
                               std::unique_ptr<Optimizer> optimizer,
                               std::unique_ptr<Optimizer> outer_optimizer,
                               NormCarrier* norms, const Clock* clock,
                               std::unique_ptr<AuditLog> audit,
                               Callbacks callbacks,
                               std::unique_ptr<SharedMemory> memory,
                               TraceRecorder* trace, ServerLinks links)
    : plan_(plan),
      newest_(plan),
      codecs_(plan.spec()),
      optimizer_(std::move(optimizer)),
      outer_optimizer_(std::move(outer_optimizer)),
      clock_(clock),
      audit_(std::move(audit)),
      norm_carrier_(norms),
      callbacks_(std::move(callbacks)),
      memory_(std::move(memory)),
      server_links_(std::move(links)),
      incarnation_(plan.incarnation()),
      norm_gather_(static_cast<uint32_t>(plan.blocks_size()), first_step),
      admission_(BlocksOf(plan, server)),
      server_(server),
      placed_since_(plan.placed_since()),
      epoch_sums_(first_step) {
  placed_anew_ = MovesBlocks(plan);
  shared_.job = plan.job();
  shared_.micro_batches = plan.spec().schedule().micro_batches();
  shared_.needs_norm = plan.spec().optimizer().clip_global_norm() > 0;
  shared_.codecs = &codecs_;
  shared_.optimizer = optimizer_.get();
  shared_.outer_optimizer = outer_optimizer_.get();
  shared_.listener = this;
  shared_.audit = audit_.get();
  shared_.memory = memory_.get();
  shared_.trace = trace;
  shared_.meters = &meters_;
  members_ = SetMembers(plan, server);
  AwaitFills(plan, server);
  auto holding = std::make_shared<Holding>();
  holding->by_id.resize(static_cast<size_t>(plan.blocks_size()), nullptr);
  for (const Block& block : plan.blocks()) {
    const bool is_replica =
        block.replica() == server + 1 && filling_.count(block.id()) == 0;
    if (MovesBlocks(plan) || (block.server() != server && !is_replica)) {
      continue;  // it comes from another server, or is not for this one
    }
    auto store = std::make_shared<BlockStore>(
        &shared_, block, MembersOf(block.id(), /*leaves=*/false));
    if (is_replica) {
      holding->replicas[block.id()] = std::move(store);
      continue;
    }
    holding->by_id[block.id()] = store.get();
    holding->blocks.push_back(std::move(store));
  }
  Hold(std::move(holding));
  LinkUp(plan);
  OpenDesk(plan);
  adopted_.store(plan.incarnation());
}

ParameterShard::~ParameterShard() { Unlink(); }

absl::Status ParameterShard::Initialise(const InitialValues& values) {
  const auto held = this->holding();
  for (const auto& block : held->blocks) {
    RETURN_IF_ERROR(block->Initialise(
        values, plan_, plan_.blocks(static_cast<int>(block->id()))));
  }
  for (const auto& [id, replica] : held->replicas) {
    RETURN_IF_ERROR(
        replica->Initialise(values, plan_, plan_.blocks(static_cast<int>(id))));
  }
  // Its replica may have to take over before it is told anything.
  const bool counts_steps =
      BlockHere(0) != nullptr || ReplicaHere(0) != nullptr;
  if (!counts_steps || values.step() == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const SampleSums sums, values.EpochTraining());
  const auto schedule = this->schedule();
  const uint64_t epoch = schedule->EpochOf(values.step() - 1);
  absl::MutexLock lock(&steps_mutex_);
  epoch_sums_.GoOn(epoch + 1, schedule->StepsAtEndOf(epoch), sums);
  return absl::OkStatus();
}

LeaseDesk::Replicate ParameterShard::LeaseReplication(const Plan& plan) {
  if (plan.blocks(0).replica() == 0 || BlockHere(0) == nullptr) return nullptr;
  return [this](const LeaseState& state, std::function<void()> answered) {
    ReplicateLeases(state, std::move(answered));
  };
}

void ParameterShard::OpenDesk(const Plan& plan) {
  if (BlockHere(0) == nullptr || !AnyPhaseLeases(plan)) return;
  desk_owner_ = std::make_unique<LeaseDesk>(
      plan, clock_, callbacks_.lease_waits, LeaseReplication(plan),
      /*is_filling=*/filling_.count(0) != 0);
  desk_.store(desk_owner_.get());
  // What was ordered before anything was leased cannot be too late.
  absl::MutexLock lock(&checkpoint_mutex_);
  CHECK(desk_owner_->OrderCheckpoint(ordered_step_));
}

BlockStore::Members ParameterShard::SetMembers(const Plan& plan,
                                               uint32_t server) {
  BlockStore::Members members;
  members.incarnation = plan.incarnation();
  members.placed_since = plan.placed_since();
  members.rests = placed_anew_ || MovesBlocks(plan);
  members.schedule = std::make_shared<const StepSchedule>(plan);
  for (const auto& worker : plan.workers()) {
    members.workers.push_back(worker.node());
  }
  {
    absl::MutexLock lock(&schedule_mutex_);
    schedule_ = members.schedule;
  }
  workers_.store(std::max<uint64_t>(1, members.workers.size()));
  load_.SetWorkers(members.workers);
  absl::MutexLock lock(&norm_mutex_);
  peers_ = PeersOf(plan, server);
  return members;
}

uint64_t ParameterShard::Adopt(const Plan& plan, uint32_t server) {
  CHECK_EQ(plan.blocks_size(), plan_.blocks_size());
  incarnation_.store(plan.incarnation());
  newest_ = plan;
  // From here on no memory of a block is read that changes by the plan.
  Unlink();
  {
    absl::MutexLock lock(&checkpoint_mutex_);
    server_ = server;
    if (placed_since_ != plan.placed_since()) {
      placed_since_ = plan.placed_since();
      placed_anew_ = true;
      gathering_.clear();
    }
  }
  members_ = SetMembers(plan, server);
  AwaitFills(plan, server);
  Arrange(plan);
  LinkUp(plan);
  const auto holding = this->holding();
  std::atomic<uint64_t> untouched{0};
  absl::BlockingCounter adopted(static_cast<int>(holding->blocks.size() +
                                                 holding->leaving.size() +
                                                 holding->replicas.size()));
  const auto adopt = [&](BlockStore* block, bool leaves) {
    block->Adopt(MembersOf(block->id(), leaves), [&](uint64_t step) {
      uint64_t known = untouched.load();
      while (known < step && !untouched.compare_exchange_weak(known, step)) {
      }
      adopted.DecrementCount();
    });
  };
  for (const auto& block : holding->blocks) adopt(block.get(), false);
  for (const auto& block : holding->leaving) adopt(block.get(), true);
  for (const auto& [id, block] : holding->replicas) adopt(block.get(), false);
  adopted.Wait();
  // Once another server has them, this one may go at any moment.
  if (!holding->leaving.empty()) FlushAudit();
  if (desk_owner_ != nullptr) {
    desk_owner_->Adopt(plan, LeaseReplication(plan),
                       /*is_filling=*/filling_.count(0) != 0);
  } else {
    OpenDesk(plan);
  }
  TakeOverLeases();
  adopted_.store(plan.incarnation());
  absl::MutexLock lock(&steps_mutex_);
  epoch_sums_.TellAgain();
  return untouched.load();
}

std::shared_ptr<const StepSchedule> ParameterShard::schedule() const {
  absl::ReaderMutexLock lock(&schedule_mutex_);
  return schedule_;
}

void ParameterShard::Handle(IncomingFrame frame) {
  const FrameHeader& header = frame.header;
  const uint64_t current = incarnation();
  absl::Status refusal;
  if (closed()) {
    refusal = absl::NotFoundError("the job is over");
  } else if (header.incarnation != current) {
    refusal = StaleIncarnation(header.incarnation, current);
  } else if (IsRead(header.kind) && header.block == kAllBlocks) {
    const auto held = this->holding();
    for (const auto& block : held->blocks) block->Read(header, frame.sink);
    frame.done();
    return;
  } else if (header.kind == FrameKind::kFetch) {
    SendContents(frame);
    frame.done();
    return;
  } else if (IsForReplica(header.kind)) {
    if (!early_updates_.Keep(&frame)) FollowHere(std::move(frame));
    return;
  } else if (header.kind == FrameKind::kLeaseRequest) {
    if (LeaseDesk* desk = desk_.load()) {
      desk->Handle(std::move(frame));
      return;
    }
    refusal = absl::InvalidArgumentError("nothing is leased here");
  } else if (const auto block = BlockHere(header.block); block == nullptr) {
    refusal = absl::InvalidArgumentError(
        absl::StrCat("block ", header.block, " is not on this server"));
  } else if (header.kind == FrameKind::kPush ||
             header.kind == FrameKind::kPushRun) {
    load_.Pushed(header.payload_bytes);
    block->Push(std::move(frame));
    return;
  } else if (IsRead(header.kind)) {
    block->Read(header, frame.sink);
    frame.done();
    return;
  } else {
    refusal = absl::InvalidArgumentError("a server takes pushes and reads");
  }
  frame.sink->Send(ErrorFrame(header, refusal));
  frame.done();
}

std::shared_ptr<const ParameterShard::Holding> ParameterShard::holding() const {
  absl::ReaderMutexLock lock(&holding_mutex_);
  return holding_;
}

std::shared_ptr<BlockStore> ParameterShard::BlockHere(uint32_t id) const {
  std::shared_ptr<const Holding> holding = this->holding();
  BlockStore* block = id < holding->by_id.size() ? holding->by_id[id] : nullptr;
  if (block == nullptr) return nullptr;
  return {std::move(holding), block};
}

UpdateStep ParameterShard::StepOf(uint64_t step, double clip,
                                  const StepSchedule& schedule) const {
  const SynchronisationSpec& spec = schedule.PhaseOf(step).synchronisation();
  UpdateStep update;
  update.learning_rate =
      spec.local_steps() > 1
          ? spec.outer().learning_rate()
          : LearningRateAt(plan_.spec().learning_rate(),
                           schedule.At(step).first, plan_.optimizer_steps(),
                           plan_.steps_per_epoch());
  update.gradient_scale =
      static_cast<float>(clip / static_cast<double>(shared_.micro_batches));
  return update;
}

// A step's pushes together move the parameters about as far as one update of
// the whole step.
UpdateStep ParameterShard::UpdateOnArrival(uint64_t step, uint32_t run,
                                           uint64_t lag,
                                           const StepSchedule& schedule) {
  UpdateStep update = StepOf(step, /*clip=*/1, schedule);
  update.gradient_scale = 1.0f / static_cast<float>(run);
  const double share =
      static_cast<double>(run) / static_cast<double>(shared_.micro_batches);
  const bool is_outer =
      schedule.PhaseOf(step).synchronisation().local_steps() > 1;
  update.learning_rate *=
      is_outer ? share : RateForShare(plan_.spec().optimizer(), share);
  if (schedule.PhaseOf(step).synchronisation().scale_by_staleness()) {
    update.learning_rate /= static_cast<double>(1 + lag / workers_.load());
  }
  return update;
}

void ParameterShard::Counted(const FrameHeader& push,
                             std::optional<uint64_t> updates) {
  if (updates.has_value()) {
    load_.CountedOnArrival(push, *updates, clock_->Now());
  } else {
    load_.CountedInStep(push, clock_->Now());
  }
}

ServerLoad ParameterShard::Load() const {
  ServerLoad load;
  load.set_job(plan_.job());
  load.set_incarnation(incarnation());
  load_.Describe(/*with_workers=*/BlockHere(0) != nullptr, &load);
  return load;
}

void ParameterShard::StepSums(uint64_t step, const SampleSums& sums) {
  const uint64_t epoch = schedule()->EpochOf(step) + 1;
  absl::MutexLock lock(&steps_mutex_);
  // One that was counted where block 0 has come from may be made again.
  if (step == epoch_sums_.step()) epoch_sums_.Add(epoch, sums);
}

void ParameterShard::VersionReached(uint32_t block, uint64_t version,
                                    const StepSchedule& schedule) {
  if (block != 0) return;
  if (LeaseDesk* desk = desk_.load()) desk->StepCompleted(version);
  if (version < schedule.total_steps() &&
      schedule.PhaseOf(version).synchronisation().mode() == SYNCHRONOUS) {
    load_.BeginStep(clock_->Now());
  }
  if (schedule.EndsEpoch(version)) callbacks_.milestone();
}

void ParameterShard::TickLeases() {
  if (LeaseDesk* desk = desk_.load()) desk->Tick();
}

absl::Time ParameterShard::NextLeaseDeadline() const {
  LeaseDesk* desk = desk_.load();
  return desk == nullptr ? absl::InfiniteFuture() : desk->NextDeadline();
}

void ParameterShard::FlushAudit() {
  if (audit_ != nullptr) audit_->Flush();
}

size_t ParameterShard::waiting_workers() const {
  LeaseDesk* const desk = desk_.load();
  return desk == nullptr ? 0 : desk->waiting_workers();
}

uint64_t ParameterShard::completed_steps() const {
  uint64_t step = std::numeric_limits<uint64_t>::max();
  const auto held = this->holding();
  for (const auto& block : held->blocks) {
    step = std::min(step, block->version());
  }
  return step;
}

absl::StatusOr<uint64_t> ParameterShard::Progress(uint64_t incarnation) const {
  if (incarnation != incarnation_.load()) {
    return StaleIncarnation(incarnation, incarnation_.load());
  }
  uint64_t step = completed_steps();
  if (LeaseDesk* desk = desk_.load()) {
    step = std::min(step, desk->UnfinishedStep().value_or(step));
  }
  return step;
}

StepsDone ParameterShard::TakeStepsDone() {
  if (BlockHere(0) == nullptr) return StepsDone();
  absl::MutexLock lock(&steps_mutex_);
  return epoch_sums_.TakeNews();
}

void ParameterShard::Close() {
  closed_.store(true);
  early_updates_.Await(0, {});
  if (LeaseDesk* desk = desk_.load()) desk->Close();
  Unlink();
  const auto holding = this->holding();
  for (const auto& block : holding->blocks) block->Adopt({}, nullptr);
  for (const auto& [id, block] : holding->replicas) block->Adopt({}, nullptr);
  if (audit_ != nullptr) audit_->End();
}

}  // namespace hawser
