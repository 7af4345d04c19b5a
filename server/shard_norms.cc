// The norm of the whole gradient of a job that clips, and the updates that wait
// for it.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "server/parameter_shard.h"

namespace hawser {
namespace {

// By the servers: a gradient that is applied once per step.
bool IsClipped(const Phase& phase) {
  return phase.synchronisation().mode() == SYNCHRONOUS &&
         phase.synchronisation().local_steps() <= 1;
}

}  // namespace

bool ParameterShard::NeedsNorm(uint64_t step,
                               const StepSchedule& schedule) const {
  return shared_.needs_norm && IsClipped(schedule.PhaseOf(step));
}

uint64_t ParameterShard::FirstThatNeedsNorm(uint64_t step) const {
  const auto schedule = this->schedule();
  size_t phase = schedule->PhaseIndexOf(step);
  while (phase > 0 && IsClipped(schedule->phases()[phase - 1])) --phase;
  return schedule->phases()[phase].from_step();
}

void ParameterShard::SumReady(uint32_t block, uint64_t step,
                              double squared_norm,
                              const StepSchedule& schedule) {
  const std::shared_ptr<BlockStore> store = BlockHere(block);
  if (store == nullptr) return;  // it leaves
  if (!NeedsNorm(step, schedule)) {
    store->Update(step, StepOf(step, 1.0, schedule));
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
    norm_gather_.SkipTo(FirstThatNeedsNorm(step));
    // Blocks that have moved here may have begun a step further.
    if (step > norm_gather_.step()) {
      norm_gather_.SkipTo(std::min(step, completed_steps()));
    }
    // Or a step behind, which the others here have made.
    total = step + 1 == norm_gather_.step()
                ? norm_gather_.TotalBefore()
                : norm_gather_.Add(step, block, squared_norm);
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
    if (NeedsNorm(request.step(), *schedule())) {
      norm_gather_.SkipTo(FirstThatNeedsNorm(request.step()));
    }
    for (const BlockNorm& norm : request.norms()) {
      if (norm.block() >= static_cast<uint32_t>(plan_.blocks_size()) ||
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
  const auto held = this->holding();
  for (const auto& block : held->blocks) {
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
  const UpdateStep update = StepOf(step, clip, *schedule());
  const auto held = this->holding();
  for (const auto& block : held->blocks) block->Update(step, update);
}

}  // namespace hawser
