// A file line by line, with a limit on the length of a line.
//
// Not thread-safe.
#ifndef HAWSER_CLIENT_AUDIT_LINE_READER_H_
#define HAWSER_CLIENT_AUDIT_LINE_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/file_descriptor.h"

namespace hawser {

class LineReader {
 public:
  static absl::StatusOr<LineReader> Open(const std::string& path,
                                         size_t most_line_bytes);

  // The next line without its newline, valid until the next call; none at the
  // end. A last line without newline is no line. RESOURCE_EXHAUSTED: the line
  // is longer than the limit.
  absl::StatusOr<std::optional<absl::string_view>> Next();

 private:
  LineReader(std::string path, FileDescriptor file, size_t most_line_bytes)
      : path_(std::move(path)),
        file_(std::move(file)),
        most_line_bytes_(most_line_bytes) {}

  std::string path_;
  FileDescriptor file_;
  size_t most_line_bytes_;
  std::string buffer_;  // bytes read
  size_t next_ = 0;     // of buffer_: where the next line begins
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_AUDIT_LINE_READER_H_
