#include "common/log/job_lines.h"

#include <algorithm>
#include <utility>

namespace hawser {

std::vector<JobLine> JobLines::Take(size_t most) {
  std::vector<JobLine> taken;
  absl::MutexLock lock(&mutex_);
  while (!lines_.empty() && taken.size() < most) {
    taken.push_back(std::move(lines_.front()));
    lines_.pop_front();
  }
  return taken;
}

void JobLines::send(google::LogSeverity severity, const char*, const char*, int,
                    const google::LogMessageTime& time, const char* message,
                    size_t length) {
  const LogFields& fields = LogContext::Current();
  if (fields.job.empty()) return;
  JobLine line{
      absl::FromTimeT(time.timestamp()) + absl::Microseconds(time.usec()),
      severity, fields, std::string(message, std::min(length, kMaxLineBytes))};
  absl::MutexLock lock(&mutex_);
  lines_.push_back(std::move(line));
  if (lines_.size() > kMaxLines) lines_.pop_front();
}

}  // namespace hawser
