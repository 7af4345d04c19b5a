// What the JSON header of a safetensors file says, checked.
#ifndef HAWSER_COMMON_SAFETENSORS_HEADER_H_
#define HAWSER_COMMON_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace hawser {

struct StoredTensor {
  std::string type;  // as the format names it: F32, BF16, I64, ...
  std::vector<uint64_t> shape;
  uint64_t elements = 0;
  uint64_t offset = 0;  // bytes, from the start of the data
};

struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;
  std::map<std::string, StoredTensor> tensors;
};

// The key of the header's metadata.
inline constexpr char kSafetensorsMetadata[] = "__metadata__";

// Longer headers are refused, as the format says.
inline constexpr uint64_t kMaxSafetensorsHeaderBytes = 100'000'000;

// Bytes of an element; 0: no type of the format.
uint64_t SafetensorsTypeBytes(absl::string_view type);

// The product of the dimensions. INVALID_ARGUMENT: it is above 2^60.
absl::StatusOr<uint64_t> ElementsOfShape(absl::Span<const uint64_t> shape);

// data_bytes: what follows the header in the file. DATA_LOSS, without the
// file's name: a name that stands twice, a type that the format lacks, a shape
// that overflows or does not fit its bytes; tensors that overlap, leave gaps or
// do not end where the data does.
absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(absl::string_view json,
                                                         uint64_t data_bytes);

}  // namespace hawser

#endif  // HAWSER_COMMON_SAFETENSORS_HEADER_H_
