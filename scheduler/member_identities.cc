#include "scheduler/member_identities.h"

#include "absl/strings/str_cat.h"

namespace hawser {

absl::Status MemberIdentities::CheckRegistration(
    const Identity* caller, const RegisterRequest& request) const {
  if (caller == nullptr) return absl::OkStatus();
  const bool is_own =
      (request.role() == SERVER && caller->role == Identity::Role::kServer) ||
      (request.role() == WORKER && caller->role == Identity::Role::kWorker);
  if (!is_own) {
    return absl::PermissionDeniedError(absl::StrCat(
        caller->name, " has the role ", RoleName(caller->role),
        " and can register as nothing else; give it a token of the other "
        "role"));
  }
  return CheckNode(caller, request.former_node());
}

void MemberIdentities::Registered(const Identity* caller, uint64_t node) {
  if (caller == nullptr) return;
  absl::MutexLock lock(&mutex_);
  owners_[node] = caller->name;
  if (owners_.size() > kMostNodes) owners_.erase(owners_.begin());
}

absl::Status MemberIdentities::CheckNode(const Identity* caller,
                                         uint64_t node) const {
  if (caller == nullptr) return absl::OkStatus();
  absl::MutexLock lock(&mutex_);
  const auto owner = owners_.find(node);
  if (owner == owners_.end() || owner->second == caller->name) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(
      absl::StrCat("node ", node, " is not ", caller->name, "'s"));
}

}  // namespace hawser
