// Decides about every call, before anything of it is read but its headers:
// known RPC, known token, role enough. Everything else is refused, and the
// refusal is written to the access log.
//
// Thread-safe.
#ifndef HAWSER_COMMON_SECURITY_ACCESS_GUARD_H_
#define HAWSER_COMMON_SECURITY_ACCESS_GUARD_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/security/access_log.h"
#include "common/security/role.h"
#include "common/security/token_table.h"

namespace hawser {

class AccessGuard {
 public:
  // Both outlive the guard; log may be null.
  AccessGuard(const TokenTable* tokens, AccessLog* log)
      : tokens_(tokens), log_(log) {}

  // method: as on the wire. authorization: "Bearer TOKEN", or empty.
  // UNAUTHENTICATED: no token, or not one that is known and has not expired.
  // PERMISSION_DENIED: its role is not enough, or there is no such RPC.
  // peer: where the call comes from, for the log, asked for when needed.
  absl::Status Check(absl::string_view method, absl::string_view authorization,
                     const std::function<std::string()>& peer) const;

  // Whose call it is that Check has let through; empty: of an open RPC.
  Identity CallerOf(absl::string_view authorization) const;

 private:
  absl::Status Decide(absl::string_view method, absl::string_view authorization,
                      Identity* identity) const;

  const TokenTable* const tokens_;
  AccessLog* const log_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_SECURITY_ACCESS_GUARD_H_
