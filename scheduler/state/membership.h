// Who is in the cluster: servers and workers, each with a lease that its
// heartbeats renew.
//
//   (unknown) --Register--> member --Renew--> member
//   member --Expire (lease ended) or Deregister--> gone, for good
//   member --Doubt--> its lease ends sooner; Renew, and it does not
//
// After a restart of the scheduler, nodes that plans name may be there still:
//
//   (named by a plan) --Await--> awaited
//   awaited --Register, by the process whose number it was--> member
//   awaited --Expire (kComeBack after a lease) or Deregister--> gone, for good
//
// A node number is never given to two processes. The one that had it tells it
// as its former number; one that was started since has none to tell. Of the
// same role, and of a server at the same address, it can be nobody else.
//
// A member may be draining: it gets nothing new. That is said of its number,
// whether it is there or not.
//
// Pure: time is an argument. All but Expire, for those it returns, take
// O(log members).
#ifndef HAWSER_SCHEDULER_STATE_MEMBERSHIP_H_
#define HAWSER_SCHEDULER_STATE_MEMBERSHIP_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
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

// Why a member is not one any more.
enum class LossReason {
  kLeaseExpired,
  kDidNotComeBack,  // after the scheduler had restarted
  kLeft,
  kStartedOver,  // another process at a server's address
};

// How many members were lost, by role and reason.
using MemberLosses = std::map<std::pair<Role, LossReason>, uint64_t>;

// A node of which nothing has been heard since the scheduler restarted.
struct AwaitedMember {
  Role role = ROLE_UNSPECIFIED;
  std::string address;  // of a server
};

class Membership {
 public:
  // Beside a lease, an awaited member has this time to find the scheduler: two
  // of its longest pauses (client/member) and a second to connect.
  static constexpr absl::Duration kComeBack = absl::Seconds(3);

  // A member that lives renews within its longest pause and a second to
  // connect.
  static constexpr absl::Duration kDoubt = absl::Seconds(2);

  explicit Membership(absl::Duration lease) : lease_(lease) {}

  void Register(uint64_t node, const RegisterRequest& request, absl::Time now);
  // False: not a member.
  bool Renew(uint64_t node, absl::Time now);
  // It seems to have died: it is lost unless it renews within kDoubt.
  void Doubt(uint64_t node, absl::Time now);
  // False: not a member, nor awaited.
  bool Deregister(uint64_t node, LossReason why = LossReason::kLeft);
  // Removes and returns those whose lease has ended, in order; awaited ones
  // among them.
  struct Lost {
    uint64_t node = 0;
    bool was_awaited = false;
    friend bool operator==(const Lost&, const Lost&) = default;
  };
  std::vector<Lost> Expire(absl::Time now);

  // The node is not a member.
  void Await(uint64_t node, const AwaitedMember& member, absl::Time now);
  bool IsAwaited(uint64_t node) const { return awaited_.count(node) != 0; }
  // True if whoever asks is the process that has, or had, its former number:
  // it is awaited, or has come back already and was not told.
  bool MayComeBack(const RegisterRequest& request) const;

  const Member* Find(uint64_t node) const;
  // The server at this address, awaited or there.
  std::optional<uint64_t> FindServer(const std::string& address) const;
  const std::map<uint64_t, Member>& members() const { return members_; }
  // The servers, by address.
  const std::map<std::string, uint64_t>& servers() const { return servers_; }

  void SetDraining(uint64_t node, bool draining);
  bool IsDraining(uint64_t node) const { return draining_.count(node) != 0; }
  const std::set<uint64_t>& draining() const { return draining_; }
  // Servers that are not draining.
  size_t ServersForWork() const;
  const MemberLosses& losses() const { return losses_; }

  // When the next lease ends; InfiniteFuture without members.
  absl::Time NextDeadline() const { return leases_.First(); }

 private:
  absl::Duration lease_;
  std::map<uint64_t, Member> members_;
  std::map<std::string, uint64_t> servers_;
  std::map<uint64_t, AwaitedMember> awaited_;
  std::set<uint64_t> came_back_;  // members that were awaited
  MemberLosses losses_;
  Deadlines leases_;  // by node
  std::set<uint64_t> draining_;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_MEMBERSHIP_H_
