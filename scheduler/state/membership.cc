#include "scheduler/state/membership.h"

#include <algorithm>

namespace hawser {

void Membership::Register(uint64_t node, const RegisterRequest& request,
                          absl::Time now) {
  members_[node] = {request.role(), request.address(), request.host(),
                    request.process(), now};
}

bool Membership::Renew(uint64_t node, absl::Time now) {
  const auto found = members_.find(node);
  if (found == members_.end()) return false;
  found->second.last_heartbeat = std::max(found->second.last_heartbeat, now);
  return true;
}

bool Membership::Deregister(uint64_t node) { return members_.erase(node) != 0; }

std::vector<uint64_t> Membership::Expire(absl::Time now) {
  std::vector<uint64_t> lost;
  for (const auto& [node, member] : members_) {
    if (member.last_heartbeat + lease_ <= now) lost.push_back(node);
  }
  for (const uint64_t node : lost) members_.erase(node);
  return lost;
}

const Member* Membership::Find(uint64_t node) const {
  const auto found = members_.find(node);
  return found == members_.end() ? nullptr : &found->second;
}

std::optional<uint64_t> Membership::FindServer(
    const std::string& address) const {
  for (const auto& [node, member] : members_) {
    if (member.role == SERVER && member.address == address) return node;
  }
  return std::nullopt;
}

absl::Time Membership::NextDeadline() const {
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [node, member] : members_) {
    next = std::min(next, member.last_heartbeat + lease_);
  }
  return next;
}

}  // namespace hawser
