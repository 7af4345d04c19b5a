// manifest.json of a committed checkpoint: docs/checkpoint_format.md.
#ifndef HAWSER_COMMON_CHECKPOINT_MANIFEST_H_
#define HAWSER_COMMON_CHECKPOINT_MANIFEST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/job.pb.h"
#include "proto/plan.pb.h"

namespace hawser {

inline constexpr char kManifestFile[] = "manifest.json";
// What is written. Format 1, which has no CRC32C, is read, too.
inline constexpr uint64_t kManifestFormat = 2;

struct CheckpointFile {
  std::string name;
  uint64_t bytes = 0;
  uint32_t crc32c = 0;
};

struct CheckpointBlock {
  uint64_t id = 0;
  uint64_t offset = 0;
  uint64_t elements = 0;
};

struct CheckpointManifest {
  std::string job;
  uint64_t step = 0;
  uint64_t parameters = 0;
  std::vector<CheckpointFile> files;
  std::vector<CheckpointBlock> blocks;  // by offset, without gaps
  std::vector<TensorShape> tensors;     // by offset, without gaps
  JobSpec spec;  // without fields that this version does not know
};

// The manifest's last line, which is the CRC32C of all before it. json: an
// object of at least one member, as it is written with an indent of 1.
std::string SealManifest(absl::string_view json);

// DATA_LOSS: the text is damaged or of another version of the format; the
// message says how, and not which file.
absl::StatusOr<CheckpointManifest> ParseManifest(absl::string_view text);

}  // namespace hawser

#endif  // HAWSER_COMMON_CHECKPOINT_MANIFEST_H_
