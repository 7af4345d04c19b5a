// Who is in the cluster: servers and workers, each with a lease that its
// heartbeats renew.
//
//   (unknown) --Register--> member --Renew--> member
//   member --Expire (lease ended) or Deregister--> gone, for good
//
// A node number is never given twice; whoever comes back registers anew.
//
// Pure: time is an argument. All but Expire, for those it returns, take
// O(log members).
#ifndef HAWSER_SCHEDULER_STATE_MEMBERSHIP_H_
#define HAWSER_SCHEDULER_STATE_MEMBERSHIP_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "proto/scheduler.pb.h"
#include "scheduler/state/deadlines.h"

namespace hawser {

struct Member {
  Role role = ROLE_UNSPECIFIED;
  std::string address;
  std::string host;
  uint64_t process = 0;
  LocalSockets local;
  absl::Time last_heartbeat;
};

class Membership {
 public:
  explicit Membership(absl::Duration lease) : lease_(lease) {}

  void Register(uint64_t node, const RegisterRequest& request, absl::Time now);
  // False: not a member.
  bool Renew(uint64_t node, absl::Time now);
  // False: not a member.
  bool Deregister(uint64_t node);
  // Removes and returns those whose lease has ended, in order.
  std::vector<uint64_t> Expire(absl::Time now);

  const Member* Find(uint64_t node) const;
  // The server at this address.
  std::optional<uint64_t> FindServer(const std::string& address) const;
  const std::map<uint64_t, Member>& members() const { return members_; }
  // The servers, by address.
  const std::map<std::string, uint64_t>& servers() const { return servers_; }

  // When the next lease ends; InfiniteFuture without members.
  absl::Time NextDeadline() const { return leases_.First(); }

 private:
  const absl::Duration lease_;
  std::map<uint64_t, Member> members_;
  std::map<std::string, uint64_t> servers_;
  Deadlines leases_;  // by node
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_MEMBERSHIP_H_
