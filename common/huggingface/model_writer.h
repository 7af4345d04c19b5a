// Writes a model as model.safetensors, under the names and in the shapes of
// Hugging Face transformers, as the parameters come: no more than one tensor is
// in memory at a time.
#ifndef HAWSER_COMMON_HUGGINGFACE_MODEL_WRITER_H_
#define HAWSER_COMMON_HUGGINGFACE_MODEL_WRITER_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/huggingface/tensor_map.h"

namespace hawser {

// Elements [first, first + out.size()) of the parameter vector.
using ReadParametersFunction =
    absl::FunctionRef<absl::Status(uint64_t first, absl::Span<float> out)>;

// The file exists whole or not at all. Errors of `read` are passed on.
absl::Status WriteModel(absl::Span<const MappedTensor> tensors,
                        const std::map<std::string, std::string>& metadata,
                        ReadParametersFunction read, const std::string& path);

}  // namespace hawser

#endif  // HAWSER_COMMON_HUGGINGFACE_MODEL_WRITER_H_
