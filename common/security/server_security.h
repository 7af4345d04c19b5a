// What protects a daemon's listeners, as its flags say: whom it presents itself
// as, who may call, and where it is written down.
#ifndef HAWSER_COMMON_SECURITY_SERVER_SECURITY_H_
#define HAWSER_COMMON_SECURITY_SERVER_SECURITY_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/clock.h"
#include "common/security/access_guard.h"
#include "common/security/access_log.h"
#include "common/security/security_flags.h"
#include "common/security/tls_files.h"
#include "common/security/token_table.h"

namespace hawser {

class ServerSecurity {
 public:
  // clock outlives it. Errors name the flag, or the file and its line.
  static absl::StatusOr<std::unique_ptr<ServerSecurity>> Open(
      const SecurityFlags& flags, const Clock* clock);

  const std::optional<TlsFiles>& tls() const { return tls_; }
  // Null: there is no tokens file, everybody may call everything.
  const TokenTable* tokens() const { return tokens_.get(); }
  const AccessGuard* guard() const { return guard_.get(); }
  AccessLog* access_log() const { return log_.get(); }  // may be null

  // Whether a listener may be reachable from other machines.
  bool AllowsNetwork() const { return allows_network_; }

 private:
  ServerSecurity() = default;

  std::optional<TlsFiles> tls_;
  std::unique_ptr<TokenTable> tokens_;
  std::unique_ptr<AccessLog> log_;
  std::unique_ptr<AccessGuard> guard_;
  bool allows_network_ = false;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_SECURITY_SERVER_SECURITY_H_
