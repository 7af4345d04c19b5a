#include "scheduler/state/membership.h"

#include <algorithm>

namespace hawser {

void Membership::Register(uint64_t node, const RegisterRequest& request,
                          absl::Time now) {
  members_[node] = {request.role(),    request.address(), request.host(),
                    request.process(), request.local(),   now};
  if (request.role() == SERVER) servers_[request.address()] = node;
  leases_.Set(node, now + lease_);
}

bool Membership::Renew(uint64_t node, absl::Time now) {
  const auto found = members_.find(node);
  if (found == members_.end()) return false;
  if (now > found->second.last_heartbeat) {
    found->second.last_heartbeat = now;
    leases_.Set(node, now + lease_);
  }
  return true;
}

bool Membership::Deregister(uint64_t node) {
  const auto member = members_.find(node);
  if (member == members_.end()) return false;
  const auto server = servers_.find(member->second.address);
  if (server != servers_.end() && server->second == node) {
    servers_.erase(server);
  }
  members_.erase(member);
  leases_.Remove(node);
  return true;
}

std::vector<uint64_t> Membership::Expire(absl::Time now) {
  std::vector<uint64_t> lost = leases_.TakeDue(now);
  std::sort(lost.begin(), lost.end());
  for (const uint64_t node : lost) Deregister(node);
  return lost;
}

const Member* Membership::Find(uint64_t node) const {
  const auto found = members_.find(node);
  return found == members_.end() ? nullptr : &found->second;
}

std::optional<uint64_t> Membership::FindServer(
    const std::string& address) const {
  const auto found = servers_.find(address);
  if (found == servers_.end()) return std::nullopt;
  return found->second;
}

}  // namespace hawser
