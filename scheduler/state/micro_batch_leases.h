// Who works on which micro-batches. STATIC: each worker of a plan holds one
// contiguous run for every step of the incarnation.
//
// Pure: a function of its arguments.
#ifndef HAWSER_SCHEDULER_STATE_MICRO_BATCH_LEASES_H_
#define HAWSER_SCHEDULER_STATE_MICRO_BATCH_LEASES_H_

#include <cstdint>
#include <vector>

#include "proto/plan.pb.h"

namespace hawser {

// Runs that cover [0, micro_batches) once, in the order of the workers, whose
// sizes differ by at most one. With more workers than micro-batches the last
// ones get none.
std::vector<MicroBatchRange> StaticRanges(const std::vector<uint64_t>& workers,
                                          uint32_t micro_batches);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_MICRO_BATCH_LEASES_H_
