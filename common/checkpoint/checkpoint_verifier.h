// Reads all of a checkpoint and says what of it is damaged: its manifest, each
// file's length, CRC32C and header, and that its blocks make up the whole
// parameter vector, optimizer state included.
#ifndef HAWSER_COMMON_CHECKPOINT_CHECKPOINT_VERIFIER_H_
#define HAWSER_COMMON_CHECKPOINT_CHECKPOINT_VERIFIER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/source_directory.h"

namespace hawser {

struct FileVerdict {
  std::string path;
  std::string problem;  // empty: it is whole
};

struct CheckpointVerdict {
  std::string directory;
  std::string job;  // empty: the manifest is damaged
  uint64_t step = 0;
  uint64_t parameters = 0;
  uint64_t bytes = 0;              // of the files that the manifest names
  std::vector<FileVerdict> files;  // the manifest first
  bool IsWhole() const;
};

// Called now and then with how many of the checkpoint's bytes are read.
using VerifyProgress = std::function<void(uint64_t read, uint64_t of)>;

// progress: may be empty.
CheckpointVerdict VerifyCheckpoint(const SourceDirectory& directory,
                                   const VerifyProgress& progress);

}  // namespace hawser

#endif  // HAWSER_COMMON_CHECKPOINT_CHECKPOINT_VERIFIER_H_
