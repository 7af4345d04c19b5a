#include "common/security/file_version.h"

#include <sys/stat.h>

namespace hawser {

FileVersion VersionOf(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino, status.st_size,
          status.st_ctim.tv_sec * int64_t{1000000000} + status.st_ctim.tv_nsec};
}

}  // namespace hawser
