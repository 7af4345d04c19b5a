// Whose each member is: an identity registers members of its own role, and
// speaks for those that it has registered alone.
//
// Nothing of it is durable: after a restart of the scheduler members register
// again before they are heard.
#ifndef HAWSER_SCHEDULER_MEMBER_IDENTITIES_H_
#define HAWSER_SCHEDULER_MEMBER_IDENTITIES_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/security/role.h"
#include "proto/scheduler.pb.h"

namespace hawser {

// Thread-safe. caller: null where there are no tokens: then everybody may.
class MemberIdentities {
 public:
  // Of nodes of long ago the owners are forgotten.
  static constexpr size_t kMostNodes = 100000;

  // PERMISSION_DENIED: the caller has another role than it registers as, or
  // claims the number of somebody else's node.
  absl::Status CheckRegistration(const Identity* caller,
                                 const RegisterRequest& request) const;
  void Registered(const Identity* caller, uint64_t node);

  // PERMISSION_DENIED: it is somebody else's.
  absl::Status CheckNode(const Identity* caller, uint64_t node) const;

 private:
  mutable absl::Mutex mutex_;
  absl::btree_map<uint64_t, std::string> owners_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_MEMBER_IDENTITIES_H_
