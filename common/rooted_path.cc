#include "common/rooted_path.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

absl::Status Outside(const std::string& root, const std::string& path) {
  return absl::PermissionDeniedError(
      absl::StrCat(path, " leads out of the root ", root,
                   "; choose a path below it or start with another root"));
}

absl::StatusOr<FileDescriptor> OpenRoot(const std::string& root) {
  FileDescriptor handle(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!handle.valid()) return SystemError("open root", root);
  return handle;
}

// The path relative to the root.
absl::StatusOr<std::string> Relative(const std::string& root,
                                     const std::string& path) {
  if (!absl::StartsWith(path, "/")) return path.empty() ? "." : path;
  std::error_code error;
  const auto absolute = std::filesystem::absolute(root, error);
  const auto relative =
      std::filesystem::path(path).lexically_normal().lexically_relative(
          absolute.lexically_normal() / "");
  if (error || relative.empty() || *relative.begin() == "..") {
    return Outside(root, path);
  }
  return relative.string();
}

absl::StatusOr<FileDescriptor> OpenAt(int root_handle, const std::string& root,
                                      const std::string& path, int flags) {
  open_how how = {};
  how.flags = static_cast<__u64>(flags | O_CLOEXEC);
  if ((flags & O_CREAT) != 0) how.mode = 0644;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (;;) {
    FileDescriptor file(static_cast<int>(
        ::syscall(SYS_openat2, root_handle, path.c_str(), &how, sizeof(how))));
    if (file.valid()) return file;
    if (errno == EINTR || errno == EAGAIN) continue;
    if (errno == EXDEV) return Outside(root, path);
    if (errno == ENOSYS) {
      return absl::UnimplementedError(
          "this kernel lacks openat2, by which paths are kept below their "
          "root; use Linux 5.6 or newer");
    }
    return SystemError("open", absl::StrCat(root, "/", path));
  }
}

}  // namespace

absl::StatusOr<FileDescriptor> OpenBeneath(const std::string& root,
                                           const std::string& path, int flags) {
  ASSIGN_OR_RETURN(const FileDescriptor handle, OpenRoot(root));
  ASSIGN_OR_RETURN(const std::string relative, Relative(root, path));
  return OpenAt(handle.get(), root, relative, flags);
}

absl::StatusOr<FileDescriptor> OpenFileBeneath(const std::string& root,
                                               const std::string& path) {
  ASSIGN_OR_RETURN(FileDescriptor file,
                   OpenBeneath(root, path, O_RDONLY | O_NONBLOCK));
  struct stat status;
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is not an ordinary file"));
  }
  return file;
}

absl::StatusOr<std::vector<std::string>> ListFilesBeneath(
    const std::string& root, const std::string& path, size_t most) {
  ASSIGN_OR_RETURN(FileDescriptor file,
                   OpenBeneath(root, path, O_RDONLY | O_NONBLOCK));
  struct stat status;
  if (::fstat(file.get(), &status) != 0) return SystemError("stat", path);
  if (!S_ISDIR(status.st_mode)) return std::vector<std::string>{path};
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(file.get()),
                                                      ::closedir);
  if (directory == nullptr) return SystemError("list", path);
  (void)file.Release();
  std::vector<std::string> files;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (::fstatat(::dirfd(directory.get()), entry->d_name, &status, 0) != 0 ||
        !S_ISREG(status.st_mode)) {
      continue;
    }
    if (files.size() == most) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, " has more than ", most, " files"));
    }
    files.push_back(absl::StrCat(path, "/", entry->d_name));
  }
  std::sort(files.begin(), files.end());
  return files;
}

absl::StatusOr<std::string> MakeDirectoriesBeneath(const std::string& root,
                                                   const std::string& path) {
  ASSIGN_OR_RETURN(const FileDescriptor handle, OpenRoot(root));
  ASSIGN_OR_RETURN(const std::string relative, Relative(root, path));
  FileDescriptor directory;
  std::filesystem::path walked;
  for (const auto& part : std::filesystem::path(relative)) {
    if (part.empty()) continue;
    walked /= part;
    ASSIGN_OR_RETURN(
        const FileDescriptor parent,
        OpenAt(handle.get(), root,
               walked.has_parent_path() ? walked.parent_path().string() : ".",
               O_PATH | O_DIRECTORY));
    if (::mkdirat(parent.get(), part.c_str(), 0755) != 0 && errno != EEXIST) {
      return SystemError("create directory",
                         absl::StrCat(root, "/", walked.string()));
    }
    ASSIGN_OR_RETURN(directory, OpenAt(handle.get(), root, walked.string(),
                                       O_PATH | O_DIRECTORY));
  }
  const int opened = directory.valid() ? directory.get() : handle.get();
  std::error_code error;
  const auto real = std::filesystem::read_symlink(
      absl::StrCat("/proc/self/fd/", opened), error);
  if (error) {
    return absl::InternalError(
        absl::StrCat("cannot name directory ", root, "/", path));
  }
  return real.string();
}

}  // namespace hawser
