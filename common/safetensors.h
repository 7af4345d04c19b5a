// The safetensors format (github.com/huggingface/safetensors): an 8-byte
// little-endian length, a JSON header that names each tensor's type, shape and
// place, and the bytes. Only float32 tensors are written and read.
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

// Reads tensors of a file. Thread-safe after Open.
class SafetensorsReader {
 public:
  // DATA_LOSS: the file breaks the format (lengths, overlaps, gaps, duplicates,
  // shapes that do not fit their bytes); the message says how.
  static absl::StatusOr<SafetensorsReader> Open(const std::string& path);

  const std::map<std::string, std::string>& metadata() const {
    return metadata_;
  }
  bool Has(const std::string& name) const { return places_.count(name) != 0; }

  // Reads a tensor of exactly out.size() floats. NOT_FOUND: no such tensor.
  absl::Status Read(const std::string& name, absl::Span<float> out) const;

 private:
  struct Place {
    std::vector<uint64_t> shape;
    uint64_t offset = 0;  // from the start of the file
    uint64_t bytes = 0;
  };
  absl::Status ParseHeader(const std::string& json, uint64_t data_bytes);

  std::string path_;
  FileDescriptor file_;
  std::map<std::string, std::string> metadata_;
  std::map<std::string, Place> places_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_SAFETENSORS_H_
