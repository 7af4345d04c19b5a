// Adds layers and tensors to a ModelLayout, end to end.
#ifndef HAWSER_COMMON_JOB_LAYOUT_BUILDER_H_
#define HAWSER_COMMON_JOB_LAYOUT_BUILDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/job/model_layout.h"

namespace hawser {

// More parameters than this are refused.
inline constexpr uint64_t kMaxParameters = uint64_t{1} << 36;

void StartLayer(const std::string& name, ModelLayout* layout);

// A tensor of the layer started last; dimensions multiply without overflow.
void AddTensor(const std::string& name, std::vector<uint64_t> dimensions,
               const Initialiser& initialiser, ModelLayout* layout);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_LAYOUT_BUILDER_H_
