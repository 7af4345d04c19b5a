// The safetensors format (github.com/huggingface/safetensors): an 8-byte
// little-endian length, a JSON header that names each tensor's type, shape and
// place, and the bytes. Float32 is written; float32, float16 and bfloat16 are
// read, as float32.
#ifndef HAWSER_COMMON_SAFETENSORS_H_
#define HAWSER_COMMON_SAFETENSORS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/file_descriptor.h"
#include "common/files.h"
#include "common/safetensors_header.h"

namespace hawser {

struct TensorEntry {
  std::string name;
  std::vector<uint64_t> shape;
};

// Writes the header for the tensors, whose floats are then appended to the file
// by the caller, in the same order.
absl::Status AppendSafetensorsHeader(
    absl::Span<const TensorEntry> tensors,
    const std::map<std::string, std::string>& metadata, AtomicFile* file);

// Reads tensors of a file, never the whole of it. Thread-safe after Open.
class SafetensorsReader {
 public:
  // DATA_LOSS: the file breaks the format (see ParseSafetensorsHeader, and the
  // header's length); the message names the file and says how.
  static absl::StatusOr<SafetensorsReader> Open(const std::string& path);
  // The same of an open file; path is for messages.
  static absl::StatusOr<SafetensorsReader> Open(FileDescriptor file,
                                                const std::string& path);

  const std::string& path() const { return path_; }
  const std::map<std::string, std::string>& metadata() const {
    return header_.metadata;
  }
  const std::map<std::string, StoredTensor>& tensors() const {
    return header_.tensors;
  }
  bool Has(const std::string& name) const { return Find(name) != nullptr; }
  // Null: no such tensor.
  const StoredTensor* Find(const std::string& name) const;

  // Reads a tensor of exactly out.size() elements. NOT_FOUND: no such tensor.
  // DATA_LOSS: it has another size, or the file has become shorter.
  // UNIMPLEMENTED: its type is none of those above.
  absl::Status Read(const std::string& name, absl::Span<float> out) const;

  // Elements [first, first + out.size()) of a tensor, in row order.
  absl::Status ReadRange(const std::string& name, uint64_t first,
                         absl::Span<float> out) const;

 private:
  std::string path_;
  FileDescriptor file_;
  uint64_t data_offset_ = 0;
  SafetensorsHeader header_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_SAFETENSORS_H_
