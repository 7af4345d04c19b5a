#include "common/security/server_security.h"

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace hawser {

absl::StatusOr<std::unique_ptr<ServerSecurity>> ServerSecurity::Open(
    const SecurityFlags& flags, const Clock* clock) {
  auto security = absl::WrapUnique(new ServerSecurity);
  if (!flags.tls_directory.empty()) {
    ASSIGN_OR_RETURN(security->tls_, TlsFilesIn(flags.tls_directory));
    if (security->tls_->certificate.empty()) {
      return absl::NotFoundError(
          absl::StrCat("--tls-dir ", flags.tls_directory,
                       " has no tls.crt and tls.key, which a daemon presents"));
    }
  }
  if (flags.require_client_certificates &&
      (!security->tls_.has_value() || security->tls_->authority.empty())) {
    return absl::InvalidArgumentError(
        "--require-client-certificates takes --tls-dir with a ca.crt");
  }
  if (!flags.tokens_file.empty()) {
    ASSIGN_OR_RETURN(security->tokens_,
                     TokenTable::Open(flags.tokens_file, clock));
  }
  if (!flags.access_log.empty()) {
    ASSIGN_OR_RETURN(security->log_, AccessLog::Open(flags.access_log, clock));
  }
  if (security->tokens_ != nullptr) {
    security->guard_ = std::make_unique<AccessGuard>(security->tokens_.get(),
                                                     security->log_.get());
  }
  security->allows_network_ =
      flags.allow_insecure_network ||
      (security->tls_.has_value() && security->tokens_ != nullptr);
  return security;
}

}  // namespace hawser
