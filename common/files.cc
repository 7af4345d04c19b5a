#include "common/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/crc32c.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

// Of a file that is written: what goes to the disk at a time, and what may be
// on its way there.
constexpr size_t kPieceBytes = 1 << 20;
constexpr size_t kUnderWay = 8 << 20;

}  // namespace

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

absl::StatusOr<AtomicFile> AtomicFile::Create(const std::string& path,
                                              FileCalls* calls) {
  std::string temporary = path + ".tmp-XXXXXX";
  FileDescriptor file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file.valid()) return SystemError("create", path);
  if (::fchmod(file.get(), 0644) != 0) return SystemError("create", path);
  return AtomicFile(path, std::move(temporary), std::move(file), calls);
}

AtomicFile::AtomicFile(std::string path, std::string temporary,
                       FileDescriptor file, FileCalls* calls)
    : path_(std::move(path)),
      temporary_(std::move(temporary)),
      file_(std::move(file)),
      calls_(calls) {}

AtomicFile::~AtomicFile() {
  if (file_.valid()) ::unlink(temporary_.c_str());
}

absl::Status AtomicFile::Append(const void* data, size_t bytes) {
  const char* next = static_cast<const char*>(data);
  while (bytes != 0) {
    const size_t piece = std::min(bytes, kPieceBytes);
    RETURN_IF_ERROR(AppendPiece(next, piece));
    next += piece;
    bytes -= piece;
  }
  return absl::OkStatus();
}

absl::Status AtomicFile::AppendPiece(const char* data, size_t bytes) {
  crc32c_ = Crc32cExtend(crc32c_, data, bytes);
  bytes_ += bytes;
  while (bytes != 0) {
    const ssize_t written = calls_->Write(file_.get(), data, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError("write", temporary_);
    data += written;
    bytes -= static_cast<size_t>(written);
  }
  while (bytes_ - on_its_way_ >= kPieceBytes) {
    // The disk begins with this piece; and has ended with an earlier one, so
    // that no more than kUnderWay wait for it. A file system that cannot do it
    // leaves it all to Commit.
    ::sync_file_range(file_.get(), static_cast<off64_t>(on_its_way_),
                      kPieceBytes, SYNC_FILE_RANGE_WRITE);
    on_its_way_ += kPieceBytes;
    if (on_its_way_ <= kUnderWay) continue;
    ::sync_file_range(file_.get(),
                      static_cast<off64_t>(on_its_way_ - kUnderWay) -
                          static_cast<off64_t>(kPieceBytes),
                      kPieceBytes,
                      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                          SYNC_FILE_RANGE_WAIT_AFTER);
  }
  return absl::OkStatus();
}

absl::Status AtomicFile::CommitAs(const std::string& path) {
  if (calls_->Fsync(file_.get()) != 0) return SystemError("flush", temporary_);
  if (calls_->Rename(temporary_.c_str(), path.c_str()) != 0) {
    return SystemError("create", path);
  }
  file_ = FileDescriptor();
  return FlushDirectory(std::filesystem::path(path).parent_path().string(),
                        calls_);
}

absl::Status FlushDirectory(const std::string& directory, FileCalls* calls) {
  const FileDescriptor handle(
      ::open(directory.empty() ? "." : directory.c_str(),
             O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle.valid() || calls->Fsync(handle.get()) != 0) {
    return SystemError("flush directory", directory);
  }
  return absl::OkStatus();
}

absl::Status WriteWholeFile(const std::string& path, absl::string_view content,
                            FileCalls* calls) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path, calls));
  RETURN_IF_ERROR(file.Append(content));
  return file.Commit();
}

absl::Status CheckFile(const std::string& path, uint64_t bytes, uint32_t crc32c,
                       FileCalls* calls) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return SystemError("open", path);
  // Advice: a file system in memory has nowhere else to read it from.
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  // More than what is expected is seen, too.
  std::string piece(std::min<uint64_t>(kPieceBytes, bytes + 1), '\0');
  uint64_t read = 0;
  uint32_t crc = 0;
  for (;;) {
    const ssize_t got = calls->Pread(file.get(), piece.data(), piece.size(),
                                     static_cast<off_t>(read));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("read", path);
    if (got == 0) break;
    crc = Crc32cExtend(crc, piece.data(), static_cast<size_t>(got));
    read += static_cast<uint64_t>(got);
  }
  if (read != bytes) {
    return absl::DataLossError(absl::StrCat(path, " is damaged: it has ", read,
                                            " bytes instead of ", bytes));
  }
  if (crc != crc32c) {
    return absl::DataLossError(absl::StrCat(path, " is damaged: its CRC32C is ",
                                            crc, " instead of ", crc32c));
  }
  return absl::OkStatus();
}

}  // namespace hawser
