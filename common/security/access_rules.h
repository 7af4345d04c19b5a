// Which role may call which RPC: the one table. An RPC that is not in it is
// refused to everybody.
#ifndef HAWSER_COMMON_SECURITY_ACCESS_RULES_H_
#define HAWSER_COMMON_SECURITY_ACCESS_RULES_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/security/role.h"

namespace hawser {

// Of whom an RPC is.
enum class Access {
  kOpen,     // everybody, also without a token
  kView,     // people: view, submit, admin
  kSubmit,   // people: submit, admin
  kAdmin,    // people: admin
  kMembers,  // worker, server
  kServers,  // server
  kAll,      // whoever has a token
};

struct AccessRule {
  absl::string_view method;  // as on the wire, "/package.Service/Method"
  Access access;
  // It changes what others see: the access log has every call of it.
  bool changes = false;
};

absl::Span<const AccessRule> AccessRules();
// Null: there is no such RPC.
const AccessRule* FindAccessRule(absl::string_view method);

bool MayCall(Identity::Role role, Access access);
// Whom the access is given to, for messages: "submit or admin".
std::string DescribeAccess(Access access);

}  // namespace hawser

#endif  // HAWSER_COMMON_SECURITY_ACCESS_RULES_H_
