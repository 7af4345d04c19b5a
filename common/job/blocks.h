// Cuts a parameter vector into blocks.
#ifndef HAWSER_COMMON_JOB_BLOCKS_H_
#define HAWSER_COMMON_JOB_BLOCKS_H_

#include <cstdint>
#include <vector>

#include "common/job/model_layout.h"
#include "proto/plan.pb.h"

namespace hawser {

// Blocks of at most block_elements that never cross a layer, ids in order of
// offset; every block of a layer but the last is full. The server is left
// unset. The cut does not depend on the placement, so no bit of the result
// does.
std::vector<Block> CutIntoBlocks(const ModelLayout& layout,
                                 uint32_t block_elements);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_BLOCKS_H_
