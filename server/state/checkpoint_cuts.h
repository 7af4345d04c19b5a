// Where leases wait, in phases in which pushes are applied on arrival: at steps
// that a checkpoint is made of. Nothing at or beyond such a cut is leased until
// every block has counted all that is before it. So each block's checkpoint
// holds all pushes of the steps before and none of later ones, and after a
// roll-back to it every push counts once.
//
//   before the next cut ---------------------> may be leased, up to the cut
//   at or beyond it, not all before counted -> waits (End)
//   all before it counted (Counted) ---------> the cut is over
//
//   every N steps or epochs  known from the beginning
//   every so many seconds    ordered while the job runs (Order): too late for a
//                            step if anything at or beyond it has been leased
//
// Nobody waits for what waits himself: what is before a cut is leased, or
// leased again when its worker is lost, whatever is held back.
//
// Positions are micro-batches, counted through all steps.
//
// Pure: no locks, no I/O, no clock.
#ifndef HAWSER_SERVER_STATE_CHECKPOINT_CUTS_H_
#define HAWSER_SERVER_STATE_CHECKPOINT_CUTS_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>

#include "common/job/step_schedule.h"
#include "proto/job.pb.h"
#include "server/state/run_pool.h"

namespace hawser {

class CheckpointCuts {
 public:
  // Most ordered steps that are still to come.
  static constexpr size_t kMostOrdered = 64;

  CheckpointCuts(CheckpointSpec spec, uint64_t micro_batches)
      : spec_(std::move(spec)), micro_batches_(micro_batches) {}

  // Of the positions before `end`, those from here on may not be leased yet.
  // Requires that the steps before `end` are the schedule's.
  uint64_t End(uint64_t end, const StepSchedule& schedule);

  // The run is leased, or was where leases were before: what is ordered before
  // its end is no cut any more.
  void Leased(Run run);

  // Every block has counted all positions before `floor`.
  void Counted(uint64_t floor);

  // A checkpoint of `step` (0: of none) is ordered. It is a cut until it is
  // over, even if others are ordered meanwhile: some servers may know of those
  // earlier than others. False: too late, or too many are to come.
  bool Order(uint64_t step);

  // Leases begin at `position`: every block has counted all before it, and
  // nothing from there on.
  void GoOnFrom(uint64_t position);

  // The schedule has changed from some step on that nothing is leased of.
  void LookAgain() { next_ = complete_ + 1; }

  // Positions from here on have never been leased.
  uint64_t leased_end() const { return leased_end_; }

 private:
  bool IsCut(uint64_t step, const StepSchedule& schedule) const;

  const CheckpointSpec spec_;
  const uint64_t micro_batches_;
  uint64_t leased_end_ = 0;
  std::set<uint64_t> ordered_;  // steps after complete_
  uint64_t complete_ = 0;       // steps, in every block
  uint64_t next_ = 1;           // the next cut is this step, or a later one
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_CHECKPOINT_CUTS_H_
