#include "scheduler/state/server_load.h"

#include <algorithm>
#include <utility>

namespace hawser {

std::vector<uint64_t> ServersByLoad(const std::map<uint64_t, Job>& jobs,
                                    const Membership& membership) {
  std::map<uint64_t, uint64_t> load;
  for (const auto& [address, node] : membership.servers()) {
    if (!membership.IsDraining(node)) load[node] = 0;
  }
  for (const auto& [id, other] : jobs) {
    if (other.ended() || !other.plan().has_value()) continue;
    for (const Block& block : other.plan()->blocks()) {
      const auto found = load.find(
          other.plan()->servers(static_cast<int>(block.server())).node());
      if (found != load.end()) found->second += block.elements();
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
