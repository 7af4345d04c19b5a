// The tensors of a model in a directory: model.safetensors, or in pieces, as
// model.safetensors.index.json tells ({"weight_map": {TENSOR: FILE}}).
#ifndef HAWSER_COMMON_SAFETENSORS_SET_H_
#define HAWSER_COMMON_SAFETENSORS_SET_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/safetensors.h"
#include "common/source_directory.h"

namespace hawser {

inline constexpr char kModelFile[] = "model.safetensors";
inline constexpr char kModelIndex[] = "model.safetensors.index.json";

// Thread-safe after Open.
class SafetensorsSet {
 public:
  // NOT_FOUND: the directory has neither file. DATA_LOSS: a file breaks its
  // format, or the index names a tensor that its file does not have.
  static absl::StatusOr<SafetensorsSet> Open(const SourceDirectory& directory);

  // Null: no such tensor.
  const StoredTensor* Find(const std::string& name) const;
  std::vector<std::string> Names() const;  // sorted
  // The directory.
  const std::string& path() const { return path_; }

  // As SafetensorsReader::ReadRange.
  absl::Status ReadRange(const std::string& name, uint64_t first,
                         absl::Span<float> out) const;

 private:
  absl::Status OpenPieces(const SourceDirectory& directory);

  std::string path_;
  std::vector<SafetensorsReader> files_;
  std::map<std::string, size_t> file_of_;  // by tensor, an index into files_
};

}  // namespace hawser

#endif  // HAWSER_COMMON_SAFETENSORS_SET_H_
