// The newest lines that this process has logged about jobs, for whoever gathers
// them (client/member/log_reporter.h): those of threads with a LogContext.
//
//   JobLines lines;                  collects from here on
//   lines.Take(100)                  the oldest that nobody has taken
//
// Thread-safe.
#ifndef HAWSER_COMMON_LOG_JOB_LINES_H_
#define HAWSER_COMMON_LOG_JOB_LINES_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/log/log_context.h"
#include "glog/logging.h"

namespace hawser {

struct JobLine {
  absl::Time time;
  google::LogSeverity severity = google::GLOG_INFO;
  LogFields fields;
  std::string text;
};

class JobLines : public google::LogSink {
 public:
  // Lines that nobody has taken; then the oldest are lost.
  static constexpr size_t kMaxLines = 1000;
  static constexpr size_t kMaxLineBytes = 1000;

  JobLines() { google::AddLogSink(this); }
  JobLines(const JobLines&) = delete;
  JobLines& operator=(const JobLines&) = delete;
  ~JobLines() override { google::RemoveLogSink(this); }

  std::vector<JobLine> Take(size_t most);

  // google::LogSink:
  void send(google::LogSeverity severity, const char* full_file,
            const char* file, int line, const google::LogMessageTime& time,
            const char* message, size_t length) override;

 private:
  absl::Mutex mutex_;
  std::deque<JobLine> lines_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hawser

#endif  // HAWSER_COMMON_LOG_JOB_LINES_H_
