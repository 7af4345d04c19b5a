// Initial parameters: element i of tensor number n is a function of (seed, n,
// i) alone, so that any server can initialise any block.
#ifndef HAWSER_COMMON_JOB_INITIAL_VALUES_H_
#define HAWSER_COMMON_JOB_INITIAL_VALUES_H_

#include <cstdint>

#include "proto/plan.pb.h"

namespace hawser {

// Elements [first, first + count) of one tensor.
void FillInitialValues(const TensorShape& tensor, uint32_t tensor_number,
                       uint64_t seed, uint64_t first, uint64_t count,
                       float* out);

// All elements of a block, which may hold parts of several tensors.
// out: [block.elements()].
void FillBlock(const Plan& plan, const Block& block, float* out);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_INITIAL_VALUES_H_
