// Where blocks go when a job's servers change while it runs: balanced again,
// with as little moved as that takes.
//
// Pure: a function of its arguments.
#ifndef HAWSER_SCHEDULER_STATE_REBALANCE_H_
#define HAWSER_SCHEDULER_STATE_REBALANCE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "proto/job.pb.h"
#include "proto/plan.pb.h"

namespace hawser {

// The server (0 to servers - 1) of each block, in their order. `now`: that of
// each block so far; nothing: its server goes. Requires servers > 0, blocks
// with ids 0, 1, ..., and, for BY_LAYER, layers that are whole.
//
// No two servers differ by more than the largest piece (a block, or a layer for
// BY_LAYER) of the fuller one, and none is empty if there are as many pieces as
// servers. Pieces whose server goes move, largest first, to where the least is;
// others only where that makes two servers more even. Where all pieces are of
// one size no placement as even moves less.
std::vector<uint32_t> Rebalance(Placement policy,
                                const std::vector<Block>& blocks,
                                const std::vector<std::optional<uint32_t>>& now,
                                uint32_t servers);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_REBALANCE_H_
