// Who did what to a daemon: a JSON object a line, appended. docs/security.md
// has the format and changes with this file.
//
// What changes something is written with its result, and what was refused with
// the reason; refusals beyond RefusalBudget are counted in the next line that
// is written. A file that has grown to the limit is renamed to FILE.1, and the
// one before is gone. What cannot be written is said in the daemon's log; the
// call goes on.
#ifndef HAWSER_COMMON_SECURITY_ACCESS_LOG_H_
#define HAWSER_COMMON_SECURITY_ACCESS_LOG_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/file_descriptor.h"
#include "common/security/refusal_budget.h"

namespace hawser {

// What is empty is not written.
struct AccessEntry {
  std::string who;     // name of the identity
  std::string role;    // its role, or, of a member, the one it registers as
  std::string peer;    // where the call came from
  std::string method;  // of gRPC as on the wire; of HTTP "GET /path"
  std::string job;     // name of the job that it is about
  uint64_t node = 0;   // number of the node that it is about
  absl::Status result;
};

// Thread-safe.
class AccessLog {
 public:
  static constexpr int64_t kDefaultLimitBytes = 100 << 20;

  // clock outlives the log. Errors: the file cannot be opened or created.
  static absl::StatusOr<std::unique_ptr<AccessLog>> Open(
      std::string path, const Clock* clock,
      int64_t limit_bytes = kDefaultLimitBytes);

  // A call that changes something has been answered.
  void Record(const AccessEntry& entry);
  // A call was refused; nothing was done.
  void RecordRefusal(const AccessEntry& entry);

 private:
  AccessLog(std::string path, const Clock* clock, int64_t limit_bytes)
      : path_(std::move(path)), clock_(clock), limit_bytes_(limit_bytes) {}
  absl::Status Reopen() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Append(absl::Time now, const AccessEntry& entry, bool refused)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  const Clock* const clock_;
  const int64_t limit_bytes_;
  absl::Mutex mutex_;
  FileDescriptor file_ ABSL_GUARDED_BY(mutex_);
  int64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  RefusalBudget budget_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hawser

#endif  // HAWSER_COMMON_SECURITY_ACCESS_LOG_H_
