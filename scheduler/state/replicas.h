// The second copies of a job's blocks (resources.replicas is 2): where they
// are, and what becomes of the job when servers are lost.
//
// What a plan says of a block:
//
//   server, replica               both have all that counts of it
//   the same, a move of it        `from` has it in place of `server`, until it
//                                 has come there
//   the same, a move of `replica` the replica is being filled: it has nothing
//
// A replica is never behind what anybody was told of its block
// (server/state/replication.h), so whichever is left goes on.
//
// Pure: functions of their arguments.
#ifndef HAWSER_SCHEDULER_STATE_REPLICAS_H_
#define HAWSER_SCHEDULER_STATE_REPLICAS_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "proto/plan.pb.h"

namespace hawser {

// Nodes that have all that counts of some block of the plan.
std::set<uint64_t> KeepersOf(const Plan& plan);

// True if each block is left on a server that is not lost.
bool Survives(const Plan& plan, const std::set<uint64_t>& lost);

// Requires that it survives. Of each block one that is left has it, alone if
// the other one is lost; blocks on their way stay where they are; servers that
// have nothing are left out.
void TakeOver(const std::set<uint64_t>& lost, Plan* plan);

// Gives each block that has none (replica is 0) a replica on another server: of
// another host if there is one, then the one with the least to hold, ties to
// the lower number. Largest blocks first. hosts: of each server (Block.server);
// with one server nothing is done.
void PlaceReplicas(const std::vector<std::string>& hosts,
                   std::vector<Block>* blocks);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_REPLICAS_H_
