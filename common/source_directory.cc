#include "common/source_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/rooted_path.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

std::string Join(const std::string& directory, const std::string& name) {
  if (directory.empty()) return name;
  if (name.empty()) return directory;
  return absl::StrCat(directory, absl::EndsWith(directory, "/") ? "" : "/",
                      name);
}

bool IsPlain(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

}  // namespace

std::string SourceDirectory::PathOf(const std::string& name) const {
  const std::string inside = Join(path_, name);
  return absl::StartsWith(inside, "/") ? inside : Join(root_, inside);
}

SourceDirectory SourceDirectory::Inside(const std::string& name) const {
  return SourceDirectory(root_, Join(path_, name));
}

absl::StatusOr<FileDescriptor> SourceDirectory::OpenPath(
    const std::string& path, int flags) const {
  if (!root_.empty()) return OpenBeneath(root_, path, flags);
  const std::string here = path.empty() ? "." : path;
  FileDescriptor file(::open(here.c_str(), flags | O_CLOEXEC));
  if (!file.valid()) return SystemError("open", here);
  return file;
}

absl::StatusOr<FileDescriptor> SourceDirectory::Open(
    const std::string& name) const {
  if (!IsPlain(name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", name, "\" is not the name of a file in ", path()));
  }
  ASSIGN_OR_RETURN(FileDescriptor file,
                   OpenPath(Join(path_, name), O_RDONLY | O_NONBLOCK));
  struct stat status;
  if (::fstat(file.get(), &status) != 0) {
    return SystemError("stat", PathOf(name));
  }
  if (S_ISREG(status.st_mode)) return file;
  return absl::FailedPreconditionError(
      absl::StrCat(PathOf(name), " is not a regular file"));
}

absl::StatusOr<std::string> SourceDirectory::Read(const std::string& name,
                                                  size_t max_bytes) const {
  ASSIGN_OR_RETURN(const FileDescriptor file, Open(name));
  return ReadWholeFile(file, PathOf(name), max_bytes);
}

absl::StatusOr<std::vector<std::string>> SourceDirectory::List(
    size_t max_entries) const {
  ASSIGN_OR_RETURN(FileDescriptor file,
                   OpenPath(path_, O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(file.get()),
                                                   ::closedir);
  if (stream == nullptr) return SystemError("list", path());
  file.Release();  // the stream closes it
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (names.size() == max_entries) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path(), " has more than ", max_entries, " entries"));
    }
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace hawser
