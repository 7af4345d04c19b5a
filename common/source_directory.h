// A directory that files are read from: anywhere on this machine, or below a
// root that nothing leads out of, not even a symbolic link (rooted_path.h).
//
// Names of files are plain names. Only regular files are opened: a pipe that
// nobody writes to does not hold the reader up.
#ifndef HAWSER_COMMON_SOURCE_DIRECTORY_H_
#define HAWSER_COMMON_SOURCE_DIRECTORY_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/file_descriptor.h"

namespace hawser {

class SourceDirectory {
 public:
  static SourceDirectory Anywhere(std::string path) {
    return SourceDirectory("", std::move(path));
  }
  // path: relative to the root, or absolute and below it.
  static SourceDirectory Beneath(std::string root, std::string path) {
    return SourceDirectory(std::move(root), std::move(path));
  }

  // For messages.
  std::string PathOf(const std::string& name) const;
  std::string path() const { return PathOf(""); }

  // A directory inside this one.
  SourceDirectory Inside(const std::string& name) const;

  // NOT_FOUND: no such file. PERMISSION_DENIED: it leads out of the root.
  // FAILED_PRECONDITION: no regular file. INVALID_ARGUMENT: no plain name.
  absl::StatusOr<FileDescriptor> Open(const std::string& name) const;
  // The same, and RESOURCE_EXHAUSTED: larger than max_bytes.
  absl::StatusOr<std::string> Read(const std::string& name,
                                   size_t max_bytes) const;
  // The names of what is in it, sorted; at most max_entries.
  absl::StatusOr<std::vector<std::string>> List(size_t max_entries) const;

 private:
  SourceDirectory(std::string root, std::string path)
      : root_(std::move(root)), path_(std::move(path)) {}
  absl::StatusOr<FileDescriptor> OpenPath(const std::string& path,
                                          int flags) const;

  std::string root_;  // empty: anywhere
  std::string path_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_SOURCE_DIRECTORY_H_
