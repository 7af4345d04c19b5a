// Where runs of micro-batches that are applied on arrival must end: at steps
// that a checkpoint is made of. Then a checkpoint counts no part of a run of
// which another part is made again after a roll-back to it.
//
//   every N steps          known from the beginning
//   every so many seconds  ordered while the job runs: too late for a step that
//                          a run has crossed
//
// Pure: no locks, no I/O, no clock.
#ifndef HAWSER_SERVER_STATE_CHECKPOINT_CUTS_H_
#define HAWSER_SERVER_STATE_CHECKPOINT_CUTS_H_

#include <cstdint>
#include <set>
#include <utility>

#include "common/job/step_schedule.h"
#include "proto/job.pb.h"
#include "server/state/run_pool.h"

namespace hawser {

class CheckpointCuts {
 public:
  CheckpointCuts(CheckpointSpec spec, uint64_t micro_batches)
      : spec_(std::move(spec)), micro_batches_(micro_batches) {}

  // How many micro-batches, of the next `most` from `position` on, a run may
  // have; at least 1. Requires that all of them are of the schedule's steps.
  uint64_t Most(uint64_t position, uint64_t most,
                const StepSchedule& schedule) const;

  // The run is leased; all positions before `floor` have been counted.
  void Leased(Run run, uint64_t floor);

  // The checkpoint of `step` (0: none) is ordered in place of the one before.
  // False: too late, a run that has been leased crosses it.
  bool Order(uint64_t step);

  // Leases begin at `position`, or go on without anybody knowing how runs
  // before it were cut.
  void GoOnFrom(uint64_t position);

 private:
  const CheckpointSpec spec_;
  const uint64_t micro_batches_;
  uint64_t ordered_ = 0;
  uint64_t known_from_ = 0;     // step
  std::set<uint64_t> crossed_;  // steps, of those after it
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_CHECKPOINT_CUTS_H_
