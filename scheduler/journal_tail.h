// The number of a journal's last event, in a small file beside it: a database
// that has lost its end, by a bit that is wrong or by foreign hands, looks
// whole without it.
//
// docs/scheduler.md: written after the events are durable, and not waited for.
// So it may be behind the journal, after a crash of the machine; never ahead.
//
// Not thread-safe.
#ifndef HAWSER_SCHEDULER_JOURNAL_TAIL_H_
#define HAWSER_SCHEDULER_JOURNAL_TAIL_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/file_descriptor.h"

namespace hawser {

class JournalTail {
 public:
  static absl::StatusOr<JournalTail> Open(const std::string& path);

  // The last event was this one, or a later one. 0: nothing is known, since the
  // file is new or damaged itself.
  uint64_t last() const { return last_; }
  // What cannot be written is logged: the journal has it.
  void Note(uint64_t sequence);

 private:
  JournalTail(std::string path, FileDescriptor file)
      : path_(std::move(path)), file_(std::move(file)) {}

  std::string path_;
  FileDescriptor file_;
  uint64_t last_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_JOURNAL_TAIL_H_
