#include "scheduler/state/server_load.h"

#include <algorithm>
#include <utility>

namespace hawser {

std::vector<std::string> HostsOf(const std::vector<uint64_t>& servers,
                                 const Membership& membership) {
  std::vector<std::string> hosts;
  for (const uint64_t node : servers) {
    const Member* server = membership.Find(node);
    hosts.push_back(server == nullptr ? "" : server->host);
  }
  return hosts;
}

std::vector<uint64_t> ServersByLoad(const std::map<uint64_t, Job>& jobs,
                                    const Membership& membership) {
  std::map<uint64_t, uint64_t> load;
  for (const auto& [address, node] : membership.servers()) {
    if (!membership.IsDraining(node)) load[node] = 0;
  }
  for (const auto& [id, other] : jobs) {
    if (other.ended() || !other.plan().has_value()) continue;
    const Plan& plan = *other.plan();
    const auto add = [&](uint32_t server, uint64_t elements) {
      const auto found =
          load.find(plan.servers(static_cast<int>(server)).node());
      if (found != load.end()) found->second += elements;
    };
    for (const Block& block : plan.blocks()) {
      add(block.server(), block.elements());
      if (block.replica() != 0) add(block.replica() - 1, block.elements());
    }
  }
  std::vector<std::pair<uint64_t, uint64_t>> by_load;
  for (const auto& [node, elements] : load) {
    by_load.emplace_back(elements, node);
  }
  std::sort(by_load.begin(), by_load.end());
  std::vector<uint64_t> servers;
  for (const auto& [elements, node] : by_load) servers.push_back(node);
  return servers;
}

}  // namespace hawser
