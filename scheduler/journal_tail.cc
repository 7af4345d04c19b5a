#include "scheduler/journal_tail.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/crc32c.h"
#include "common/files.h"
#include "glog/logging.h"

namespace hawser {
namespace {

// As it lies in the file, little endian.
struct Content {
  uint64_t sequence = 0;
  uint32_t crc32c = 0;  // of sequence
  uint32_t unused = 0;
};
static_assert(sizeof(Content) == 16);

uint32_t ChecksumOf(uint64_t sequence) {
  return Crc32c(&sequence, sizeof(sequence));
}

}  // namespace

absl::StatusOr<JournalTail> JournalTail::Open(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file.valid()) return SystemError("open", path);
  JournalTail tail(path, std::move(file));
  Content content;
  const ssize_t got = ::pread(tail.file_.get(), &content, sizeof(content), 0);
  if (got == static_cast<ssize_t>(sizeof(content)) && content.unused == 0 &&
      content.crc32c == ChecksumOf(content.sequence)) {
    tail.last_ = content.sequence;
  } else if (got != 0) {
    LOG(WARNING) << path << " is damaged; the journal is read without it";
  }
  return tail;
}

void JournalTail::Note(uint64_t sequence) {
  last_ = sequence;
  const Content content = {sequence, ChecksumOf(sequence), 0};
  const bool written = ::pwrite(file_.get(), &content, sizeof(content), 0) ==
                       static_cast<ssize_t>(sizeof(content));
  LOG_IF(WARNING, !written) << SystemError("write", path_);
}

}  // namespace hawser
