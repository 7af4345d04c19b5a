#include "client/audit/line_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"

namespace hawser {

absl::StatusOr<LineReader> LineReader::Open(const std::string& path,
                                            size_t most_line_bytes) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return SystemError("open", path);
  return LineReader(path, std::move(file), most_line_bytes);
}

absl::StatusOr<std::optional<absl::string_view>> LineReader::Next() {
  constexpr size_t kPieceBytes = 64 * 1024;
  size_t searched = next_;
  for (;;) {
    const size_t newline = buffer_.find('\n', searched);
    const size_t end = newline == std::string::npos ? buffer_.size() : newline;
    if (end - next_ > most_line_bytes_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the line is longer than ", most_line_bytes_, " bytes"));
    }
    if (newline != std::string::npos) {
      const absl::string_view line =
          absl::string_view(buffer_).substr(next_, newline - next_);
      next_ = newline + 1;
      return line;
    }
    buffer_.erase(0, next_);
    next_ = 0;
    searched = buffer_.size();
    buffer_.resize(searched + kPieceBytes);
    ssize_t got;
    do {
      got = ::read(file_.get(), &buffer_[searched], kPieceBytes);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return SystemError("read", path_);
    buffer_.resize(searched + static_cast<size_t>(got));
    if (got == 0) return std::nullopt;
  }
}

}  // namespace hawser
