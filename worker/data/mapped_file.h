// A file's bytes without reading it: its pages come from the disk when they are
// looked at. A file that is cut off while it is mapped ends the process, so
// data must not be changed in place while a job reads it.
#ifndef HAWSER_WORKER_DATA_MAPPED_FILE_H_
#define HAWSER_WORKER_DATA_MAPPED_FILE_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace hawser {

class MappedFile {
 public:
  // An ordinary file below the root (common/rooted_path.h).
  static absl::StatusOr<MappedFile> Open(const std::string& root,
                                         const std::string& path);
  MappedFile(MappedFile&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();

  // Starts at a page's start.
  absl::string_view bytes() const {
    return absl::string_view(static_cast<const char*>(data_), bytes_);
  }

 private:
  MappedFile(void* data, size_t bytes) : data_(data), bytes_(bytes) {}

  void* data_;
  size_t bytes_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_DATA_MAPPED_FILE_H_
