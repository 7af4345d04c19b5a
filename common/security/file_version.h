// Tells whether a file is still the one that was read.
#ifndef HAWSER_COMMON_SECURITY_FILE_VERSION_H_
#define HAWSER_COMMON_SECURITY_FILE_VERSION_H_

#include <cstdint>
#include <string>

namespace hawser {

// What changes when a file is written anew, or replaced, also by a symbolic
// link that is moved to another. All 0: there is no such file.
struct FileVersion {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t bytes = 0;
  int64_t changed_ns = 0;  // of the file's content or owner, since 1970

  bool operator==(const FileVersion&) const = default;
};

FileVersion VersionOf(const std::string& path);

}  // namespace hawser

#endif  // HAWSER_COMMON_SECURITY_FILE_VERSION_H_
