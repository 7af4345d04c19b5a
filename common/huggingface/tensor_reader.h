// Reads ranges of Hawser's tensors out of a model directory's, transposing
// where it must, so that a server can read any block and nothing else.
#ifndef HAWSER_COMMON_HUGGINGFACE_TENSOR_READER_H_
#define HAWSER_COMMON_HUGGINGFACE_TENSOR_READER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/huggingface/tensor_map.h"
#include "common/safetensors_set.h"

namespace hawser {

// Elements [first, first + out.size()) of the tensor. Thread-safe. Uses memory
// of up to 16 times the range's rows.
absl::Status ReadTensor(const SafetensorsSet& files, const MappedTensor& tensor,
                        uint64_t first, absl::Span<float> out);

}  // namespace hawser

#endif  // HAWSER_COMMON_HUGGINGFACE_TENSOR_READER_H_
