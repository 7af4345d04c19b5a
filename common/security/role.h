// Who may do what, in roles.
#ifndef HAWSER_COMMON_SECURITY_ROLE_H_
#define HAWSER_COMMON_SECURITY_ROLE_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace hawser {

// Somebody who calls, as the tokens file names them.
struct Identity {
  // kSubmit may what kView may, and kAdmin what kSubmit may. Members are apart:
  // what a worker may is nobody else's, and the other way round.
  enum class Role {
    kView,    // looks
    kSubmit,  // and submits, changes and cancels jobs
    kAdmin,   // and everything else that a person does
    kWorker,  // hawser-worker
    kServer,  // hawser-server
  };

  std::string name;
  Role role = Role::kView;
};

// "view", "submit", "admin", "worker", "server".
absl::string_view RoleName(Identity::Role role);
std::optional<Identity::Role> ParseRole(absl::string_view name);

// Whether somebody of the role `has` may do what takes the role `needed`.
bool Includes(Identity::Role has, Identity::Role needed);

}  // namespace hawser

#endif  // HAWSER_COMMON_SECURITY_ROLE_H_
