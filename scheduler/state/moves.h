// Blocks of a running job that go to other servers: away from those that are
// drained, or to more or fewer of them, as `hawser set NAME --servers N` asks.
// It takes three plans, each when all servers are ready with the one before:
//
//   runs --kPause-->  paused: servers stop at a step boundary
//        --kMove-->   blocks on their way; servers that have them keep them
//        --kGoOn-->   runs; the servers that were left are out of it
//
// Replicas on servers that are drained are filled elsewhere on the same way.
// Those that are missing, and nothing else, are filled while the job runs:
//
//   runs --kFill-->     runs, and servers fill replicas
//        --kEndFill-->  runs: they have all that counts
//
// A change of how the job is synchronised takes the first and the last.
//
// When a server is lost that blocks were on their way to, they go elsewhere
// (kMove or kFill again): nothing is lost. One that they come from is missed as
// any server.
//
// Pure: functions of their arguments.
#ifndef HAWSER_SCHEDULER_STATE_MOVES_H_
#define HAWSER_SCHEDULER_STATE_MOVES_H_

#include <cstdint>
#include <vector>

#include "proto/plan.pb.h"
#include "scheduler/state/job.h"
#include "scheduler/state/membership.h"

namespace hawser {

enum class MoveStep { kNone, kPause, kMove, kGoOn, kFill, kEndFill };

// Whether the job's blocks should be elsewhere, and could be. Takes no walk
// over members or blocks.
bool WantsMove(const Job& job, const Membership& membership);

// What is due for a job that has blocks; kNone: it stays as it is, or waits.
MoveStep NextMoveStep(const Job& job, const Membership& membership);

// kMove: other places for the blocks of the job's plan, in `plan`, whose
// incarnation is set. by_load: servers that may be taken, those that hold least
// first.
void PlaceAnew(const Job& job, const Membership& membership,
               const std::vector<uint64_t>& by_load, Plan* plan);

// kFill: places for the replicas that the job's plan lacks, or has being
// filled, in `plan`. Where there is no server for them it has none.
void PlaceFills(const Job& job, const Membership& membership,
                const std::vector<uint64_t>& by_load, Plan* plan);

// kPause, or a roll-back: replicas that are being filled are left out; the job
// lacks them.
void DropFills(Plan* plan);

// kGoOn, kEndFill: blocks and replicas are where they were to come.
void EndMoves(Plan* plan);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_MOVES_H_
