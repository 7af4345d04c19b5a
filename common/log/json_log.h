// The log as JSON, an object a line, for programs that gather logs:
//
//   {"time":"2026-01-31T12:00:00.123456Z","level":"warning","role":"worker",
//    "node":7,"job":"mnist","step":412,"source":"worker_driver.cc:165",
//    "message":"..."}
//
// node, job and step are there where they are known (log_context.h).
//
// Thread-safe.
#ifndef HAWSER_COMMON_LOG_JSON_LOG_H_
#define HAWSER_COMMON_LOG_JSON_LOG_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/log/log_context.h"
#include "glog/logging.h"

namespace hawser {

// A line of the log, without its end. Bytes of the message that are not UTF-8
// are replaced.
struct LogEntry {
  absl::Time time;
  google::LogSeverity severity = google::GLOG_INFO;
  std::string role;
  uint64_t node = 0;
  LogFields fields;
  std::string source;  // FILE:LINE
  std::string message;
};
std::string JsonLine(const LogEntry& entry);

// From now on the process logs JSON to stderr, and no text. Called once, after
// SetUpDaemon. role: "scheduler", "server", "worker".
void LogJson(const std::string& role);

}  // namespace hawser

#endif  // HAWSER_COMMON_LOG_JSON_LOG_H_
