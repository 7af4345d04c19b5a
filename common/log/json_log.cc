#include "common/log/json_log.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

class JsonSink : public google::LogSink {
 public:
  explicit JsonSink(std::string role) : role_(std::move(role)) {}

  void send(google::LogSeverity severity, const char*, const char* file,
            int line, const google::LogMessageTime& time, const char* message,
            size_t length) override {
    const absl::Time second = absl::FromTimeT(time.timestamp());
    const std::string text = JsonLine({second + absl::Microseconds(time.usec()),
                                       severity,
                                       role_,
                                       LogNode(),
                                       LogContext::Current(),
                                       absl::StrCat(file, ":", line),
                                       {message, length}}) +
                             "\n";
    // One call, so that lines of threads do not mix. There is nobody to tell
    // that it cannot be written.
    [[maybe_unused]] const ssize_t written =
        ::write(STDERR_FILENO, text.data(), text.size());
  }

 private:
  const std::string role_;
};

}  // namespace

std::string JsonLine(const LogEntry& entry) {
  nlohmann::ordered_json json;
  json["time"] =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", entry.time, absl::UTCTimeZone());
  json["level"] =
      absl::AsciiStrToLower(google::GetLogSeverityName(entry.severity));
  json["role"] = entry.role;
  if (entry.node != 0) json["node"] = entry.node;
  if (!entry.fields.job.empty()) json["job"] = entry.fields.job;
  if (entry.fields.step.has_value()) json["step"] = *entry.fields.step;
  json["source"] = entry.source;
  json["message"] = entry.message;
  return json.dump(/*indent=*/-1, ' ', /*ensure_ascii=*/false,
                   nlohmann::json::error_handler_t::replace);
}

void LogJson(const std::string& role) {
  // Lives as long as the process does, whose last line may be of its end.
  google::AddLogSink(new JsonSink(role));
  FLAGS_logtostderr = false;
  FLAGS_stderrthreshold = google::NUM_SEVERITIES;
  for (int severity = 0; severity < google::NUM_SEVERITIES; ++severity) {
    google::SetLogDestination(severity, "");  // no files
  }
}

}  // namespace hawser
