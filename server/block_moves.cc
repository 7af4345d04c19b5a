// A block that leaves for another server, and one that has come from there.
#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/block_store.h"

namespace hawser {

void BlockStore::Export(std::function<void(BlockContents)> done) {
  strand_.Run([this, done = std::move(done)] { done(Contents()); });
}

BlockContents BlockStore::Contents() const {
  BlockContents contents;
  BlockState& state = contents.state;
  state.set_version(version());
  state.set_updates(updates_);
  state.set_optimizer_updates(optimizer_updates_);
  state.set_has_previous(previous_ != nullptr);
  state.set_state_vectors(static_cast<uint32_t>(state_.size()));
  *state.mutable_counted() = ledger_.Counted();
  for (const auto& [step, sums] : sums_) {
    StepSums* of_step = state.add_sums();
    of_step->set_step(step);
    of_step->set_loss_nanonats(sums.loss_nanonats);
    of_step->set_correct(sums.correct);
    of_step->set_samples(sums.samples);
  }
  contents.vectors.push_back(current_);
  if (previous_ != nullptr) contents.vectors.push_back(previous_);
  for (const auto& vector : state_) contents.vectors.push_back(vector);
  return contents;
}

absl::Status BlockStore::Import(BlockContents contents) {
  const BlockState& state = contents.state;
  const StepSchedule& schedule = *members_.schedule;
  if (state.version() > schedule.total_steps()) {
    return absl::DataLossError(absl::StrCat("block ", id_, " at version ",
                                            state.version(), " of ",
                                            schedule.total_steps()));
  }
  version_.store(state.version(), std::memory_order_release);
  phase_ = schedule.PhaseIndexOf(
      std::min(state.version(), schedule.total_steps() - 1));
  optimizer_ = OptimizerOf(phase_);
  const size_t first_state = state.has_previous() ? 2 : 1;
  bool fits = state.state_vectors() == optimizer_->StateNames().size() &&
              contents.vectors.size() == first_state + state.state_vectors();
  for (const auto& vector : contents.vectors) {
    fits = fits && vector->elements() == elements_;
  }
  if (!fits) {
    return absl::DataLossError(
        absl::StrCat("block ", id_, " of another size or optimizer"));
  }
  const auto take = [this](const FloatBuffer& from) {
    std::shared_ptr<FloatBuffer> buffer = pool_.Take();
    std::memcpy(buffer->data(), from.data(), from.bytes().size());
    buffer->Changed();
    return buffer;
  };
  current_.reset();
  current_ = take(*contents.vectors[0]);
  if (state.has_previous()) previous_ = take(*contents.vectors[1]);
  state_.assign(contents.vectors.begin() + static_cast<int64_t>(first_state),
                contents.vectors.end());
  for (const auto& vector : state_) state_pool_.Adopt(vector);
  updates_ = state.updates();
  optimizer_updates_ = state.optimizer_updates();
  versions_ = ReadGate(version());
  ledger_ = PushLedger(state.counted());
  for (const StepSums& sums : state.sums()) {
    sums_[sums.step()] = {sums.loss_nanonats(), sums.correct(), sums.samples()};
  }
  NoteArrival(/*takes_over=*/false);
  return absl::OkStatus();
}

// As if it came from another server.
void BlockStore::ComeBack() {
  partial_sums_.StartOver();
  step_is_void_ = false;
  NoteArrival(/*takes_over=*/false);
}

void BlockStore::Rouse() {
  strand_.Run([this] {
    members_.rests = false;
    WakeUp();
  });
}

// The update of a sum that is complete may have come meanwhile.
void BlockStore::WakeUp() {
  if (!partial_sums_.complete()) return;
  shared_->listener->SumReady(
      id_, version(), partial_sums_.Total().squared_norm, *members_.schedule);
}

void BlockStore::NoteArrival(bool takes_over) {
  if (audit() == nullptr) return;
  std::vector<WorkRun> counted;
  if (on_arrival()) {
    const CountedRuns runs = ledger_.Counted();
    const uint64_t complete = version() * shared_->micro_batches;
    if (runs.floor() > complete) {
      counted.emplace_back();
      counted.back().set_position(complete);
      counted.back().set_count(runs.floor() - complete);
    }
    counted.insert(counted.end(), runs.runs().begin(), runs.runs().end());
  }
  audit()->Arrived(id_, members_.placed_since, version(), counted, takes_over);
  audit()->Synchronised(members_.schedule->phases()[phase_]);
  for (const auto& [node, clock] : clocks_.clocks().clocks()) {
    audit()->Joined(id_, node, clock);
  }
}

}  // namespace hawser
