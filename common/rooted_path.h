// Paths that stay below a root. They are opened beneath a handle of the root
// (openat2 with RESOLVE_BENEATH), so that neither "..", nor a symbolic link,
// nor a race gets out; strings are not trusted.
#ifndef HAWSER_COMMON_ROOTED_PATH_H_
#define HAWSER_COMMON_ROOTED_PATH_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/file_descriptor.h"

namespace hawser {

// Opens a path below the root: relative to it, or absolute and below it. flags
// as for open(2). PERMISSION_DENIED: it leads out of the root. NOT_FOUND.
absl::StatusOr<FileDescriptor> OpenBeneath(const std::string& root,
                                           const std::string& path, int flags);

// Opens an ordinary file for reading, and nothing else: a pipe would be waited
// for. INVALID_ARGUMENT: it is not one.
absl::StatusOr<FileDescriptor> OpenFileBeneath(const std::string& root,
                                               const std::string& path);

// The ordinary files that a path names: itself, or those in the directory that
// it is (not below), in the order of their names. RESOURCE_EXHAUSTED: there are
// more than `most`.
absl::StatusOr<std::vector<std::string>> ListFilesBeneath(
    const std::string& root, const std::string& path, size_t most);

// Creates the directory `path` (and those above it) below the root, and returns
// the absolute path of what was really opened.
absl::StatusOr<std::string> MakeDirectoriesBeneath(const std::string& root,
                                                   const std::string& path);

}  // namespace hawser

#endif  // HAWSER_COMMON_ROOTED_PATH_H_
