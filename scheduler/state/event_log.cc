#include "scheduler/state/event_log.h"

#include <algorithm>

namespace hawser {

void EventLog::Add(absl::Time now, const std::string& source,
                   const std::string& text) {
  LogLine line;
  line.set_unix_ms(absl::ToUnixMillis(now));
  line.set_source(source);
  line.set_text(text);
  lines_.push_back(line.SerializeAsString());
  if (lines_.size() > kMaxLines) {
    lines_.pop_front();
    ++first_;
  }
}

void EventLog::Read(uint64_t first_line, GetJobLogResponse* response) const {
  uint64_t number = std::max(first_line, first_);
  if (number > end()) number = std::max(restart_.value_or(end()), first_);
  for (; number < end(); ++number) {
    response->add_lines()->ParseFromString(lines_[number - first_]);
  }
  response->set_next_line(number);
}

}  // namespace hawser
