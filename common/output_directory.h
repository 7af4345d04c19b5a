// A directory below a root, to write in. It is held open: what is written goes
// there, also when somebody moves it, or puts a symbolic link in its place,
// meanwhile.
#ifndef HAWSER_COMMON_OUTPUT_DIRECTORY_H_
#define HAWSER_COMMON_OUTPUT_DIRECTORY_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/file_descriptor.h"

namespace hawser {

class OutputDirectory {
 public:
  // Makes it, and those above it. Errors as of MakeDirectoriesBeneath.
  static absl::StatusOr<OutputDirectory> Make(const std::string& root,
                                              const std::string& path);
  // One that is there. Errors as of OpenBeneath.
  static absl::StatusOr<OutputDirectory> Open(const std::string& root,
                                              const std::string& path);

  // Absolute, as it was when it was opened.
  const std::string& path() const { return path_; }

  // What the system finds this very directory, or a name in it, by, as long as
  // the object is there.
  std::string handle() const;
  std::string Inside(absl::string_view name) const;

  // The error, with path() for the handle in its message.
  absl::Status WithPath(const absl::Status& status) const;

 private:
  OutputDirectory(FileDescriptor directory, std::string path)
      : directory_(std::move(directory)), path_(std::move(path)) {}

  FileDescriptor directory_;
  std::string path_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_OUTPUT_DIRECTORY_H_
