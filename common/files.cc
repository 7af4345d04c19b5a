#include "common/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crc32c.h"
#include "common/status_macros.h"

namespace hawser {

absl::Status SystemError(absl::string_view doing, absl::string_view path) {
  const int error = errno;
  return absl::ErrnoToStatus(error, absl::StrCat("cannot ", doing, " ", path));
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path,
                                          size_t max_bytes) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return SystemError("open", path);
  return ReadWholeFile(file, path, max_bytes);
}

absl::StatusOr<std::string> ReadWholeFile(const FileDescriptor& file,
                                          const std::string& path,
                                          size_t max_bytes) {
  std::string content;
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("read", path);
    if (got == 0) return content;
    content.append(buffer, static_cast<size_t>(got));
    if (content.size() > max_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, " is larger than ", max_bytes, " bytes"));
    }
  }
}

absl::Status ReadAt(const FileDescriptor& file, const std::string& path,
                    uint64_t offset, void* out, uint64_t bytes) {
  char* next = static_cast<char*>(out);
  while (bytes != 0) {
    const ssize_t got =
        ::pread(file.get(), next, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("read", path);
    if (got == 0) return absl::DataLossError(absl::StrCat(path, " is cut off"));
    next += got;
    offset += static_cast<uint64_t>(got);
    bytes -= static_cast<uint64_t>(got);
  }
  return absl::OkStatus();
}

absl::Status MakeDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    errno = error.value();
    return SystemError("create directory", path);
  }
  return absl::OkStatus();
}

absl::StatusOr<AtomicFile> AtomicFile::Create(const std::string& path) {
  std::string temporary = path + ".tmp-XXXXXX";
  FileDescriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file.valid()) return SystemError("create", path);
  if (::fchmod(file.get(), 0644) != 0) return SystemError("create", path);
  return AtomicFile(path, std::move(temporary), std::move(file));
}

AtomicFile::AtomicFile(std::string path, std::string temporary,
                       FileDescriptor file)
    : path_(std::move(path)),
      temporary_(std::move(temporary)),
      file_(std::move(file)) {}

AtomicFile::~AtomicFile() {
  if (file_.valid()) ::unlink(temporary_.c_str());
}

absl::Status AtomicFile::Append(const void* data, size_t bytes) {
  crc32c_ = Crc32cExtend(crc32c_, data, bytes);
  bytes_ += bytes;
  const char* next = static_cast<const char*>(data);
  while (bytes != 0) {
    const ssize_t written = ::write(file_.get(), next, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError("write", temporary_);
    next += written;
    bytes -= static_cast<size_t>(written);
  }
  return absl::OkStatus();
}

absl::Status AtomicFile::CommitAs(const std::string& path) {
  if (::fsync(file_.get()) != 0) return SystemError("flush", temporary_);
  if (::rename(temporary_.c_str(), path.c_str()) != 0) {
    return SystemError("create", path);
  }
  file_ = FileDescriptor();
  const std::string directory =
      std::filesystem::path(path).parent_path().string();
  const FileDescriptor handle(
      ::open(directory.empty() ? "." : directory.c_str(),
             O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle.valid() || ::fsync(handle.get()) != 0) {
    return SystemError("flush directory", directory);
  }
  return absl::OkStatus();
}

absl::Status WriteWholeFile(const std::string& path,
                            absl::string_view content) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  RETURN_IF_ERROR(file.Append(content));
  return file.Commit();
}

}  // namespace hawser
