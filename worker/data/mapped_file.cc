#include "worker/data/mapped_file.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include "common/files.h"
#include "common/rooted_path.h"
#include "common/status_macros.h"

namespace hawser {

absl::StatusOr<MappedFile> MappedFile::Open(const std::string& root,
                                            const std::string& path) {
  ASSIGN_OR_RETURN(const FileDescriptor file, OpenFileBeneath(root, path));
  struct stat status;
  if (::fstat(file.get(), &status) != 0) return SystemError("stat", path);
  const auto bytes = static_cast<size_t>(status.st_size);
  if (bytes == 0) return MappedFile(nullptr, 0);
  void* data = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return SystemError("map", path);
  return MappedFile(data, bytes);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
}

}  // namespace hawser
