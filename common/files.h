// Files that exist whole or not at all, and whole files read with a limit.
// Errors carry the path and what the system said.
#ifndef HAWSER_COMMON_FILES_H_
#define HAWSER_COMMON_FILES_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/file_calls.h"
#include "common/file_descriptor.h"

namespace hawser {

// The error of a failed system call on a path, from errno. NOT_FOUND,
// PERMISSION_DENIED, RESOURCE_EXHAUSTED (disk full) and so on.
absl::Status SystemError(absl::string_view doing, absl::string_view path);

// NOT_FOUND: no such file. RESOURCE_EXHAUSTED: larger than max_bytes.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path,
                                          size_t max_bytes);
// The rest of an open file; path is for messages.
absl::StatusOr<std::string> ReadWholeFile(const FileDescriptor& file,
                                          const std::string& path,
                                          size_t max_bytes);

// Bytes [offset, offset + bytes). DATA_LOSS: the file ends before.
absl::Status ReadAt(const FileDescriptor& file, const std::string& path,
                    uint64_t offset, void* out, uint64_t bytes);

// Creates the directory and those above it.
absl::Status MakeDirectories(const std::string& path);

// A file under a temporary name in its directory until Commit gives it its own:
// after a crash, the old file or the new one is there, whole.
//
// What is appended goes to the disk bit by bit, while more comes: Commit has
// little left to wait for, and no one else's writes wait behind a flood.
class AtomicFile {
 public:
  // calls outlive the file.
  static absl::StatusOr<AtomicFile> Create(
      const std::string& path, FileCalls* calls = MachineFileCalls());
  AtomicFile(AtomicFile&&) = default;
  // Removes the temporary file unless committed.
  ~AtomicFile();

  absl::Status Append(const void* data, size_t bytes);
  absl::Status Append(absl::string_view data) {
    return Append(data.data(), data.size());
  }
  // Flushes file, name and directory to the disk.
  absl::Status Commit() { return CommitAs(path_); }
  // The same, under another name in the same directory: one that depends on the
  // content, say.
  absl::Status CommitAs(const std::string& path);

  // Of everything appended.
  uint64_t bytes() const { return bytes_; }
  uint32_t crc32c() const { return crc32c_; }

 private:
  AtomicFile(std::string path, std::string temporary, FileDescriptor file,
             FileCalls* calls);
  absl::Status AppendPiece(const char* data, size_t bytes);

  std::string path_;
  std::string temporary_;
  FileDescriptor file_;
  FileCalls* calls_;
  uint64_t bytes_ = 0;
  uint64_t on_its_way_ = 0;  // bytes that the disk has been given
  uint32_t crc32c_ = 0;
};

// Create, Append, Commit.
absl::Status WriteWholeFile(const std::string& path, absl::string_view content,
                            FileCalls* calls = MachineFileCalls());

// Names that have come or gone in a directory are so on the disk.
absl::Status FlushDirectory(const std::string& directory,
                            FileCalls* calls = MachineFileCalls());

// Reads a file once more, from the disk where the machine lets go of what it
// remembers of it. DATA_LOSS: it has not these bytes, or not this CRC32C.
absl::Status CheckFile(const std::string& path, uint64_t bytes, uint32_t crc32c,
                       FileCalls* calls = MachineFileCalls());

}  // namespace hawser

#endif  // HAWSER_COMMON_FILES_H_
