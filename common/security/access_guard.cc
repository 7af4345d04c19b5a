#include "common/security/access_guard.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/security/access_rules.h"

namespace hawser {
namespace {

// The scheme's case does not matter (RFC 7235).
absl::string_view TokenOf(absl::string_view authorization) {
  constexpr absl::string_view kScheme = "Bearer ";
  if (!absl::StartsWithIgnoreCase(authorization, kScheme)) return {};
  return authorization.substr(kScheme.size());
}

}  // namespace

absl::Status AccessGuard::Decide(absl::string_view method,
                                 absl::string_view authorization,
                                 Identity* identity) const {
  const AccessRule* const rule = FindAccessRule(method);
  if (rule != nullptr && rule->access == Access::kOpen) {
    return absl::OkStatus();
  }
  const absl::string_view token = TokenOf(authorization);
  if (token.empty()) {
    return absl::UnauthenticatedError(
        "a token is needed: give --token-file, or HAWSER_TOKEN_FILE to hawser");
  }
  const TokenTable::Lookup lookup = tokens_->LookUp(token);
  *identity = lookup.identity;
  switch (lookup.outcome) {
    case TokenTable::Outcome::kUnknown:
      return absl::UnauthenticatedError(
          "the token is not in the daemon's tokens file");
    case TokenTable::Outcome::kExpired:
      return absl::UnauthenticatedError(
          absl::StrCat("the token of ", lookup.identity.name, " has expired"));
    case TokenTable::Outcome::kKnown:
      break;
  }
  if (rule == nullptr) {
    return absl::PermissionDeniedError("no role may call this RPC");
  }
  if (!MayCall(lookup.identity.role, rule->access)) {
    return absl::PermissionDeniedError(absl::StrCat(
        lookup.identity.name, " has the role ", RoleName(lookup.identity.role),
        ", and this takes ", DescribeAccess(rule->access)));
  }
  return absl::OkStatus();
}

absl::Status AccessGuard::Check(
    absl::string_view method, absl::string_view authorization,
    const std::function<std::string()>& peer) const {
  Identity identity;
  const absl::Status status = Decide(method, authorization, &identity);
  if (status.ok() || log_ == nullptr) return status;
  AccessEntry entry;
  entry.who = identity.name;
  if (!identity.name.empty()) entry.role = std::string(RoleName(identity.role));
  entry.peer = peer();
  entry.method = std::string(method);
  entry.result = status;
  log_->RecordRefusal(entry);
  return status;
}

Identity AccessGuard::CallerOf(absl::string_view authorization) const {
  return tokens_->LookUp(TokenOf(authorization)).identity;
}

}  // namespace hawser
