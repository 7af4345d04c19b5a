// The newest lines of a job's event log, numbered from 0.
//
//   Add -> the newest line; above kMaxLines the oldest is forgotten
//
// A restart of the scheduler makes the log anew, and shorter: whoever has read
// a longer one goes on with what is told from the restart on.
//
// Lines are kept as bytes: 1,000 jobs that have ended keep theirs.
//
// Pure: time is an argument.
#ifndef HAWSER_SCHEDULER_STATE_EVENT_LOG_H_
#define HAWSER_SCHEDULER_STATE_EVENT_LOG_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "proto/scheduler.pb.h"

namespace hawser {

class EventLog {
 public:
  static constexpr size_t kMaxLines = 1000;

  void Add(absl::Time now, const std::string& source, const std::string& text);
  // The scheduler has restarted, and what follows is new to everybody.
  void NoteRestart() { restart_ = end(); }
  // From line `first_line` on, as far as they are there.
  void Read(uint64_t first_line, GetJobLogResponse* response) const;

 private:
  uint64_t end() const { return first_ + lines_.size(); }

  std::deque<std::string> lines_;  // each a LogLine
  uint64_t first_ = 0;             // the number of the first of them
  std::optional<uint64_t> restart_;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_EVENT_LOG_H_
