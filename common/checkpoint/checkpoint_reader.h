// Reads a committed checkpoint: the manifest and the servers' files it names.
// docs/checkpoint_format.md is the format's page.
#ifndef HAWSER_COMMON_CHECKPOINT_CHECKPOINT_READER_H_
#define HAWSER_COMMON_CHECKPOINT_CHECKPOINT_READER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "common/checkpoint/manifest.h"
#include "common/safetensors.h"
#include "common/source_directory.h"

namespace hawser {

// The directory of a job's newest committed checkpoint: `directory` itself if
// it holds a manifest, otherwise the one of its step-N with the highest N that
// does. NOT_FOUND: there is none.
absl::StatusOr<SourceDirectory> FindCheckpoint(
    const SourceDirectory& directory);

// Of its step-N those that hold a manifest, in order. NOT_FOUND: there is no
// such directory.
absl::StatusOr<std::vector<uint64_t>> CommittedSteps(
    const SourceDirectory& directory);

// Thread-safe.
class CheckpointReader {
 public:
  // NOT_FOUND: no manifest in the directory, hence no checkpoint. DATA_LOSS: a
  // file is missing or damaged, or does not fit the manifest.
  static absl::StatusOr<std::unique_ptr<CheckpointReader>> Open(
      const SourceDirectory& directory);

  const CheckpointManifest& manifest() const { return manifest_; }

  // Elements [first, first + out.size()) of the parameter vector. Each file is
  // checked (length, CRC32C) before anything out of it is returned; files that
  // are not needed are not read. DATA_LOSS: one is damaged.
  absl::Status Read(uint64_t first, absl::Span<float> out);
  // The same of a vector of optimizer state, by its name in the format.
  // DATA_LOSS, too: the checkpoint does not have it.
  absl::Status ReadState(absl::string_view name, uint64_t first,
                         absl::Span<float> out);

  // The metadata of the file that holds block number `id`, once that file has
  // been checked. NOT_FOUND: no such block. DATA_LOSS: the file is damaged.
  absl::StatusOr<std::map<std::string, std::string>> MetadataOf(uint64_t id);

 private:
  struct File {
    SafetensorsReader reader;
    FileDescriptor descriptor;  // of the same open file
    bool checked = false;
  };

  absl::Status OpenFiles(const SourceDirectory& directory);
  absl::Status Check(size_t file) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status ReadVector(absl::string_view name, uint64_t first,
                          absl::Span<float> out);

  CheckpointManifest manifest_;
  std::vector<size_t> file_of_block_;  // as manifest_.blocks
  absl::Mutex mutex_;
  std::vector<File> files_ ABSL_GUARDED_BY(mutex_);  // as manifest_.files
};

}  // namespace hawser

#endif  // HAWSER_COMMON_CHECKPOINT_CHECKPOINT_READER_H_
