// The plan of a job that has lost servers, or cannot read the checkpoint that
// it was to go on from: the same blocks in the same places, other servers in
// the places of those that are lost, and all of them begin at the job's restore
// point.
//
// Pure: functions of their arguments.
#ifndef HAWSER_SCHEDULER_STATE_ROLL_BACK_H_
#define HAWSER_SCHEDULER_STATE_ROLL_BACK_H_

#include <cstdint>
#include <map>
#include <string>

#include "proto/plan.pb.h"
#include "scheduler/state/job.h"
#include "scheduler/state/membership.h"

namespace hawser {

// Fills the lost servers' places with those that hold the fewest parameters,
// and sets `restore` and `blocks_since`. False: there are too few, and nothing
// was changed. Requires job.NeedsRollBack(); plan: the job's, perhaps with
// other workers.
bool PlanRollBack(const Job& job, const std::map<uint64_t, Job>& jobs,
                  const Membership& membership, uint64_t incarnation,
                  Plan* plan);

// For people: what the job waits for, as long as there are too few; else empty.
std::string WhyItDoesNotRollBack(const Job& job, const Membership& membership);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_ROLL_BACK_H_
