// Which server holds which block.
//
// Pure: a function of its arguments.
#ifndef HAWSER_SCHEDULER_STATE_PLACEMENT_H_
#define HAWSER_SCHEDULER_STATE_PLACEMENT_H_

#include <cstdint>
#include <vector>

#include "proto/job.pb.h"
#include "proto/plan.pb.h"

namespace hawser {

// Sets the server (0 to servers - 1) of each block. BY_LAYER: the blocks of a
// layer stay together. BY_BLOCK: each block by itself. Both balance bytes:
// largest first onto the server with the least so far (Graham, 1969), ties to
// the lower number. Servers may be left without blocks.
void PlaceBlocks(Placement policy, uint32_t servers,
                 std::vector<Block>* blocks);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_PLACEMENT_H_
