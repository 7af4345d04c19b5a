#include "scheduler/state/membership.h"

#include <algorithm>

namespace hawser {

void Membership::Register(uint64_t node, const RegisterRequest& request,
                          absl::Time now) {
  if (awaited_.erase(node) != 0) came_back_.insert(node);
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

void Membership::Doubt(uint64_t node, absl::Time now) {
  const auto found = members_.find(node);
  if (found == members_.end()) return;
  const absl::Time lease_ends = found->second.last_heartbeat + lease_;
  leases_.Set(node, std::min(lease_ends, now + kDoubt));
}

bool Membership::Deregister(uint64_t node, LossReason why) {
  if (const auto awaited = awaited_.find(node); awaited != awaited_.end()) {
    ++losses_[{awaited->second.role, why}];
    awaited_.erase(awaited);
    leases_.Remove(node);
    return true;
  }
  came_back_.erase(node);
  const auto member = members_.find(node);
  if (member == members_.end()) return false;
  const auto server = servers_.find(member->second.address);
  if (server != servers_.end() && server->second == node) {
    servers_.erase(server);
  }
  ++losses_[{member->second.role, why}];
  members_.erase(member);
  leases_.Remove(node);
  return true;
}

std::vector<Membership::Lost> Membership::Expire(absl::Time now) {
  std::vector<uint64_t> nodes = leases_.TakeDue(now);
  std::sort(nodes.begin(), nodes.end());
  std::vector<Lost> lost;
  for (const uint64_t node : nodes) {
    const bool was_awaited = IsAwaited(node);
    lost.push_back({node, was_awaited});
    Deregister(node, was_awaited ? LossReason::kDidNotComeBack
                                 : LossReason::kLeaseExpired);
  }
  return lost;
}

void Membership::Await(uint64_t node, const AwaitedMember& member,
                       absl::Time now) {
  awaited_[node] = member;
  leases_.Set(node, now + lease_ + kComeBack);
}

bool Membership::MayComeBack(const RegisterRequest& request) const {
  const uint64_t node = request.former_node();
  if (const auto awaited = awaited_.find(node); awaited != awaited_.end()) {
    return awaited->second.role == request.role() &&
           (request.role() != SERVER ||
            awaited->second.address == request.address());
  }
  const Member* member = Find(node);
  return member != nullptr && came_back_.count(node) != 0 &&
         member->role == request.role() &&
         member->address == request.address() &&
         member->host == request.host() && member->process == request.process();
}

void Membership::SetDraining(uint64_t node, bool draining) {
  if (draining) {
    draining_.insert(node);
  } else {
    draining_.erase(node);
  }
}

size_t Membership::ServersForWork() const {
  size_t servers = servers_.size();
  for (const uint64_t node : draining_) {
    const auto found = members_.find(node);
    if (found != members_.end() && found->second.role == SERVER) --servers;
  }
  return servers;
}

const Member* Membership::Find(uint64_t node) const {
  const auto found = members_.find(node);
  return found == members_.end() ? nullptr : &found->second;
}

std::optional<uint64_t> Membership::FindServer(
    const std::string& address) const {
  const auto found = servers_.find(address);
  if (found != servers_.end()) return found->second;
  for (const auto& [node, awaited] : awaited_) {
    if (awaited.role == SERVER && awaited.address == address) return node;
  }
  return std::nullopt;
}

}  // namespace hawser
