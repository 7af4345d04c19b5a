// Leases that go with block 0 from one server to another.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/state/micro_batch_leases.h"

namespace hawser {

LeaseState MicroBatchLeases::Export() const {
  LeaseState state;
  state.set_next_number(next_number_);
  state.set_phase(static_cast<uint32_t>(phase_));
  state.set_entered(entered_);
  // Of what is in the pool, all that was never leased goes back to what is not:
  // there it is known to be so.
  const uint64_t frontier = std::min(frontier_, cuts_.leased_end());
  RunPool leased = pool_;
  leased.Trim(frontier);
  for (const Run& run : leased.Runs()) {
    WorkRun* work = state.add_pool();
    work->set_position(run.position);
    work->set_count(run.count);
  }
  *state.mutable_done() = done_.Counted();
  state.set_frontier(frontier);
  state.set_block_version(block_version_);
  state.set_hashed(hashed_);
  state.set_validated_version(validation_.version());
  state.set_validation_active(validation_.active());
  return state;
}

absl::Status MicroBatchLeases::Restore(const LeaseState& state) {
  if (state.phase() >= schedule_.phases().size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("leases of phase ", state.phase(), " of a job of ",
                     schedule_.phases().size(), " phases"));
  }
  next_number_ = state.next_number();
  phase_ = state.phase();
  entered_ = state.entered();
  pool_.Clear();
  for (const WorkRun& run : state.pool()) {
    if (run.count() != 0) pool_.Add({run.position(), run.count()});
  }
  done_ = PushLedger(state.done());
  frontier_ = state.frontier();
  cuts_.GoOnFrom(done_.floor());
  cuts_.Leased({0, frontier_});
  block_version_ = state.block_version();
  hashed_ = state.hashed();
  validation_.Restore(state.validated_version(), state.validation_active());
  return absl::OkStatus();
}

}  // namespace hawser
