// What the moves of a plan (Plan.moves) ask of its servers.
#ifndef HAWSER_COMMON_JOB_PLAN_MOVES_H_
#define HAWSER_COMMON_JOB_PLAN_MOVES_H_

#include <cstdint>

#include "proto/plan.pb.h"

namespace hawser {

// Blocks, or replicas, are fetched from where they are, and nobody works
// meanwhile.
bool MovesBlocks(const Plan& plan);

// Replicas are filled while the job runs.
bool FillsReplicas(const Plan& plan);

// All that server number `server` is to have of the job comes from others.
bool AllComesFromOthers(const Plan& plan, uint32_t server);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_PLAN_MOVES_H_
