#include "common/security/role.h"

namespace hawser {

namespace {

using Role = Identity::Role;

constexpr Role kRoles[] = {Role::kView, Role::kSubmit, Role::kAdmin,
                           Role::kWorker, Role::kServer};

bool IsMember(Role role) {
  return role == Role::kWorker || role == Role::kServer;
}

}  // namespace

absl::string_view RoleName(Role role) {
  switch (role) {
    case Role::kView:
      return "view";
    case Role::kSubmit:
      return "submit";
    case Role::kAdmin:
      return "admin";
    case Role::kWorker:
      return "worker";
    case Role::kServer:
      return "server";
  }
  return "";
}

std::optional<Role> ParseRole(absl::string_view name) {
  for (const Role role : kRoles) {
    if (RoleName(role) == name) return role;
  }
  return std::nullopt;
}

bool Includes(Role has, Role needed) {
  if (IsMember(has) || IsMember(needed)) return has == needed;
  return static_cast<int>(has) >= static_cast<int>(needed);
}

}  // namespace hawser
