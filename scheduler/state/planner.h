// Which plan a job should have: who holds its blocks and who works for it.
//
// Pure: functions of their arguments.
#ifndef HAWSER_SCHEDULER_STATE_PLANNER_H_
#define HAWSER_SCHEDULER_STATE_PLANNER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "proto/plan.pb.h"
#include "scheduler/state/job.h"
#include "scheduler/state/membership.h"

namespace hawser {

// The plan to take the place of the job's present one, under the given
// incarnation; nothing if that is to stay (or the job must wait). Plans follow
// each other:
//   none -> workers alone, steps unknown: all members the job asks for are
//     there
//   steps unknown -> the whole plan: all workers have told the data's size
//   any -> other workers: some have left, or are to, or idle ones can fill
//     their places
//   any -> rolled back, on other servers: some are lost (roll_back.h)
//   any -> on fewer servers, which have replicas of what is lost (replicas.h)
//   reattaching -> the same with those that are back: none is awaited any more
// and the plans of moves.h.
std::optional<Plan> NextPlan(const Job& job,
                             const std::map<uint64_t, Job>& jobs,
                             const Membership& membership,
                             const std::set<uint64_t>& idle_workers,
                             uint64_t incarnation);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_PLANNER_H_
