#include "common/output_directory.h"

#include <fcntl.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/rooted_path.h"
#include "common/status_macros.h"

namespace hawser {

absl::StatusOr<OutputDirectory> OutputDirectory::Make(const std::string& root,
                                                      const std::string& path) {
  RETURN_IF_ERROR(MakeDirectoriesBeneath(root, path).status());
  return Open(root, path);
}

absl::StatusOr<OutputDirectory> OutputDirectory::Open(const std::string& root,
                                                      const std::string& path) {
  ASSIGN_OR_RETURN(FileDescriptor handle,
                   OpenBeneath(root, path, O_PATH | O_DIRECTORY));
  OutputDirectory directory(std::move(handle), "");
  std::error_code error;
  directory.path_ =
      std::filesystem::read_symlink(directory.handle(), error).string();
  if (error) {
    return absl::InternalError(
        absl::StrCat("cannot name directory ", root, "/", path));
  }
  return directory;
}

std::string OutputDirectory::handle() const {
  return absl::StrCat("/proc/self/fd/", directory_.get());
}

std::string OutputDirectory::Inside(absl::string_view name) const {
  return absl::StrCat(handle(), "/", name);
}

absl::Status OutputDirectory::WithPath(const absl::Status& status) const {
  return absl::Status(
      status.code(),
      absl::StrReplaceAll(status.message(), {{handle() + "/", path_ + "/"}}));
}

}  // namespace hawser
