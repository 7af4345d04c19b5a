#include "common/security/access_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/time/time.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "glog/logging.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

// Names and messages come from peers.
constexpr size_t kMaxTextBytes = 512;

std::string Shortened(absl::string_view text) {
  return std::string(text.substr(0, kMaxTextBytes));
}

void AddText(Json* json, const char* key, absl::string_view text) {
  if (!text.empty()) (*json)[key] = Shortened(text);
}

}  // namespace

absl::StatusOr<std::unique_ptr<AccessLog>> AccessLog::Open(
    std::string path, const Clock* clock, int64_t limit_bytes) {
  auto log =
      absl::WrapUnique(new AccessLog(std::move(path), clock, limit_bytes));
  absl::MutexLock lock(&log->mutex_);
  RETURN_IF_ERROR(log->Reopen());
  return log;
}

absl::Status AccessLog::Reopen() {
  FileDescriptor file(
      ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!file.valid()) return SystemError("open", path_);
  struct stat status;
  if (::fstat(file.get(), &status) != 0) return SystemError("stat", path_);
  file_ = std::move(file);
  bytes_ = status.st_size;
  return absl::OkStatus();
}

void AccessLog::Record(const AccessEntry& entry) {
  const absl::Time now = clock_->Now();
  absl::MutexLock lock(&mutex_);
  Append(now, entry, /*refused=*/false);
}

void AccessLog::RecordRefusal(const AccessEntry& entry) {
  const absl::Time now = clock_->Now();
  absl::MutexLock lock(&mutex_);
  if (budget_.Take(now)) Append(now, entry, /*refused=*/true);
}

void AccessLog::Append(absl::Time now, const AccessEntry& entry, bool refused) {
  Json json;
  json["time"] =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", now, absl::UTCTimeZone());
  AddText(&json, "who", entry.who);
  AddText(&json, "role", entry.role);
  AddText(&json, "peer", entry.peer);
  AddText(&json, "method", entry.method);
  AddText(&json, "job", entry.job);
  if (entry.node != 0) json["node"] = entry.node;
  json["result"] = absl::StatusCodeToString(entry.result.code());
  AddText(&json, "message", entry.result.message());
  if (refused) json["refused"] = true;
  const uint64_t suppressed = budget_.TakeSuppressed();
  if (suppressed != 0) json["refusals_not_written"] = suppressed;
  // What is no UTF-8 is replaced: the line is always JSON.
  const std::string line = json.dump(-1, ' ', /*ensure_ascii=*/true,
                                     Json::error_handler_t::replace) +
                           "\n";
  const auto size = static_cast<int64_t>(line.size());
  if (bytes_ != 0 && bytes_ + size > limit_bytes_) {
    std::rename(path_.c_str(), (path_ + ".1").c_str());
    const absl::Status status = Reopen();
    LOG_IF_EVERY_N(ERROR, !status.ok(), 1000) << status.message();
  }
  // One call: lines of several processes are not mixed.
  const ssize_t written = ::write(file_.get(), line.data(), line.size());
  LOG_IF_EVERY_N(ERROR, written != size, 1000)
      << SystemError("write", path_).message();
  if (written > 0) bytes_ += written;
}

}  // namespace hawser
