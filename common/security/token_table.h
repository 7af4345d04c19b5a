// Who may call: the tokens file. A line names one identity:
//
//     ROLE NAME SHA256 [EXPIRY]
//
// SHA256: of the token, 64 hexadecimal digits. EXPIRY: an RFC 3339 time, e.g.
// 2027-01-31T00:00:00Z, from which on the token is refused. Empty lines and
// those that begin with '#' are comments. The file holds no token, so that
// whoever reads it can call nobody.
//
// A file that has changed is read again within a second. One that cannot be
// read then, or has an error, is named in the log, and the tokens stay as they
// were: half a file locks nobody out and lets nobody in.
#ifndef HAWSER_COMMON_SECURITY_TOKEN_TABLE_H_
#define HAWSER_COMMON_SECURITY_TOKEN_TABLE_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/security/file_version.h"
#include "common/security/role.h"

namespace hawser {

// Thread-safe.
class TokenTable {
 public:
  // clock outlives the table; null: the machine's. NOT_FOUND: no such file.
  // INVALID_ARGUMENT: a line, which the message names, is wrong.
  static absl::StatusOr<std::unique_ptr<TokenTable>> Open(
      std::string path, const Clock* clock = nullptr);

  enum class Outcome { kKnown, kUnknown, kExpired };
  struct Lookup {
    Outcome outcome = Outcome::kUnknown;
    Identity identity;  // of an expired token, too
  };
  Lookup LookUp(absl::string_view token) const;

  // Whose token it is; none: unknown or expired.
  std::optional<Identity> Find(std::string_view token) const;

 private:
  struct Entry {
    std::string sha256;  // lower-case hexadecimal
    Identity identity;
    absl::Time expiry = absl::InfiniteFuture();
  };

  TokenTable(std::string path, const Clock* clock)
      : path_(std::move(path)), clock_(clock) {}
  static absl::StatusOr<std::vector<Entry>> Read(const std::string& path);
  static absl::StatusOr<Entry> ParseLine(absl::string_view line);
  void ReloadWhenDue(absl::Time now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool ReloadIfChanged() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  const Entry* Search(const std::string& sha256, absl::Time now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  const Clock* const clock_;
  mutable absl::Mutex mutex_;
  mutable std::vector<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  mutable FileVersion version_ ABSL_GUARDED_BY(mutex_);
  mutable absl::Time looked_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace hawser

#endif  // HAWSER_COMMON_SECURITY_TOKEN_TABLE_H_
