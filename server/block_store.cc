// Phases of a block; its pushes, reads and moves: block_pushes.cc,
// block_reads.cc, block_moves.cc.
#include "server/block_store.h"

#include <algorithm>
#include <utility>

#include "common/job/job_rules.h"
#include "common/status_macros.h"

namespace hawser {
BlockStore::BlockStore(const Shared* shared, const Block& block,
                       Members members)
    : shared_(shared),
      id_(block.id()),
      elements_(block.elements()),
      members_(std::move(members)),
      pool_(block.elements(), shared->memory),
      state_pool_(block.elements()),
      partial_sums_(shared->micro_batches, block.elements(), &pool_,
                    shared->codecs),
      encoded_(shared->codecs->pull().codec.get(), block.elements(),
               shared->memory) {
  current_ = pool_.Take();
  replication_.Adopt(members_.replica);
  if (shared_->meters == nullptr) return;
  shared_->meters->blocks.Add(1);
  shared_->meters->elements.Add(elements_);
}

BlockStore::~BlockStore() {
  if (shared_->meters == nullptr) return;
  shared_->meters->blocks.Add(-1);
  shared_->meters->elements.Add(-elements_);
  shared_->meters->waiting_reads.Add(-counted_waiting_);
}

absl::Status BlockStore::Initialise(const InitialValues& values,
                                    const Plan& plan, const Block& block) {
  RETURN_IF_ERROR(values.Fill(plan, block, current_->data()));
  current_->Changed();
  const StepSchedule& schedule = *members_.schedule;
  const uint64_t step = values.step();
  if (step != 0) {
    version_.store(step, std::memory_order_release);
    // The state is that of the last update before; a phase that begins here may
    // ask for another.
    UseOptimizer(OptimizerOf(schedule.PhaseIndexOf(step - 1)));
    const auto names = optimizer_->StateNames();
    for (size_t i = 0; i < names.size(); ++i) {
      RETURN_IF_ERROR(values.FillState(block, names[i], state_[i]->data()));
    }
    ASSIGN_OR_RETURN(optimizer_updates_, values.UpdatesOf(block));
  }
  EnterPhase(schedule.PhaseIndexOf(step));
  return absl::OkStatus();
}

bool BlockStore::on_arrival() const {
  return members_.schedule->phases()[phase_].synchronisation().mode() !=
         SYNCHRONOUS;
}

const Optimizer* BlockStore::OptimizerOf(size_t phase) const {
  const auto& spec = members_.schedule->phases()[phase].synchronisation();
  return spec.local_steps() > 1 ? shared_->outer_optimizer : shared_->optimizer;
}

// With its state fresh, if it is another.
void BlockStore::UseOptimizer(const Optimizer* optimizer) {
  if (optimizer_ == optimizer) return;
  optimizer_ = optimizer;
  optimizer_updates_ = 0;
  state_.clear();
  const auto names = optimizer_->StateNames();
  for (size_t i = 0; i < names.size(); ++i) {
    auto state = state_pool_.Take();
    std::fill_n(state->data(), elements_,
                optimizer_->InitialState(static_cast<int>(i)));
    state_.push_back(std::move(state));
  }
}

void BlockStore::EnterPhase(size_t phase) {
  phase_ = phase;
  UseOptimizer(OptimizerOf(phase));
  if (audit() != nullptr) {
    audit()->Synchronised(members_.schedule->phases()[phase]);
  }
  // Reads of the phase that is over: all of its work has been counted.
  for (const uint64_t token : clocks_.Dismiss()) {
    auto read = parked_.extract(token);
    ReadNow(read.mapped().header, std::move(read.mapped().sink));
  }
  versions_ = ReadGate(version());
  ledger_ = PushLedger(version() * shared_->micro_batches);
  ResetClocks();
  AnswerEarly();
}

// Those who came too early are looked at again.
void BlockStore::AnswerEarly() {
  std::map<uint64_t, WaitingRead> early;
  early.swap(early_);
  for (auto& [token, read] : early) {
    ReadNow(read.header, std::move(read.sink));
  }
}

void BlockStore::ResetClocks() {
  if (audit() != nullptr) {
    for (const auto& [node, clock] : clocks_.clocks().clocks()) {
      audit()->Left(id_, node);
    }
    for (const uint64_t node : members_.workers) {
      audit()->Joined(id_, node, 0);
    }
  }
  clocks_.Reset(
      members_.workers,
      StalenessInClocks(members_.schedule->phases()[phase_].synchronisation()));
}

void BlockStore::Adopt(Members members, std::function<void(uint64_t)> done) {
  strand_.Run([this, members = std::move(members), done = std::move(done)] {
    const uint64_t untouched = UntouchedStep();
    const auto before = members_.schedule;
    const bool is_over = members.incarnation == 0;
    const bool comes_back = members_.leaves && !members.leaves && !is_over;
    // An update may have waited for a replica that is no more.
    const bool wakes_up =
        !is_over && !members.rests &&
        (members_.rests || (replication_.is_needed() &&
                            members.replica != Replication::Replica::kFilled));
    const bool takes_over =
        !is_over && members_.is_replica && !members.is_replica;
    members_.incarnation = members.incarnation;
    if (members.incarnation != 0) members_ = members;
    replication_.Adopt(members_.replica);
    if (members_.is_replica) partial_sums_.StartOver();
    versions_.Dismiss();
    clocks_.Dismiss();
    RefuseQueued();
    RefuseWaiting(&parked_);
    RefuseWaiting(&early_);
    if (takes_over) NoteArrival(/*takes_over=*/true);
    // A further phase begins where the last one was over; or another one takes
    // the place of one that nothing has been done in.
    const StepSchedule& schedule = *members_.schedule;
    const size_t phase = version() < schedule.total_steps()
                             ? schedule.PhaseIndexOf(version())
                             : phase_;
    if (phase != phase_ || !schedule.SamePhase(*before, phase)) {
      EnterPhase(phase);
    } else {
      ResetClocks();
    }
    if (comes_back) ComeBack();
    if (wakes_up) WakeUp();
    CountWaiting();
    if (done != nullptr) done(untouched);
  });
}

uint64_t BlockStore::UntouchedStep() const {
  const uint64_t m = shared_->micro_batches;
  return on_arrival() ? (ledger_.ceiling() + m - 1) / m : version() + 1;
}

void BlockStore::RefuseWaiting(std::map<uint64_t, WaitingRead>* waiting) {
  for (const auto& [token, read] : *waiting) {
    read.sink->Send(ErrorFrame(
        read.header,
        StaleIncarnation(read.header.incarnation, members_.incarnation)));
  }
  waiting->clear();
}

}  // namespace hawser
