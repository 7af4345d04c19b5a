// Reads a committed checkpoint: the manifest and the servers' files it names.
// docs/checkpoint_format.md is the format's page.
#ifndef HAWSER_CLIENT_CHECKPOINT_CHECKPOINT_READER_H_
#define HAWSER_CLIENT_CHECKPOINT_CHECKPOINT_READER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hawser {

struct CheckpointTensor {
  std::string name;
  std::vector<uint64_t> shape;
  uint64_t offset = 0;  // elements in the parameter vector
};

struct Checkpoint {
  std::string job;
  uint64_t step = 0;
  std::vector<CheckpointTensor> tensors;
  std::vector<float> parameters;  // the whole parameter vector
};

// NOT_FOUND: no manifest in the directory, hence no checkpoint. DATA_LOSS: a
// file is missing, damaged (length, CRC32C) or does not fit the manifest.
absl::StatusOr<Checkpoint> ReadCheckpoint(const std::string& directory);

// Writes the parameters under their tensors' names, as one safetensors file.
absl::Status ExportModel(const Checkpoint& checkpoint, const std::string& path);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CHECKPOINT_CHECKPOINT_READER_H_
