// The caller's own token, from a file of one line that may be replaced.
#ifndef HAWSER_COMMON_SECURITY_BEARER_TOKEN_H_
#define HAWSER_COMMON_SECURITY_BEARER_TOKEN_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/security/file_version.h"

namespace hawser {

// Thread-safe.
class BearerToken {
 public:
  // clock outlives the token; null: the machine's. NOT_FOUND: no such file.
  // INVALID_ARGUMENT: it holds no token, or more than one.
  static absl::StatusOr<std::unique_ptr<BearerToken>> Open(
      std::string path, const Clock* clock = nullptr);

  // "Bearer TOKEN": what goes with a call as `authorization`. A file that has
  // changed is read again within a second; if it is wrong then, the token stays
  // as it was.
  std::string Authorization() const;

 private:
  BearerToken(std::string path, const Clock* clock)
      : path_(std::move(path)), clock_(clock) {}
  static absl::StatusOr<std::string> Read(const std::string& path);

  const std::string path_;
  const Clock* const clock_;
  mutable absl::Mutex mutex_;
  mutable std::string authorization_ ABSL_GUARDED_BY(mutex_);
  mutable FileVersion version_ ABSL_GUARDED_BY(mutex_);
  mutable absl::Time looked_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace hawser

#endif  // HAWSER_COMMON_SECURITY_BEARER_TOKEN_H_
