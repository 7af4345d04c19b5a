// How far the drain of a node is, and what it waits for.
//
// Pure: functions of their arguments.
#ifndef HAWSER_SCHEDULER_STATE_DRAINS_H_
#define HAWSER_SCHEDULER_STATE_DRAINS_H_

#include <cstdint>
#include <vector>

#include "proto/scheduler.pb.h"
#include "scheduler/state/job.h"
#include "scheduler/state/membership.h"

namespace hawser {

// jobs: those that the node serves.
void DescribeDrain(uint64_t node, const std::vector<const Job*>& jobs,
                   const Membership& membership, NodeStatus* status);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_DRAINS_H_
