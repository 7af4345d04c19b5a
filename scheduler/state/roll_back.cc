#include "scheduler/state/roll_back.h"

#include <algorithm>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "scheduler/state/replicas.h"
#include "scheduler/state/server_load.h"

namespace hawser {

bool PlanRollBack(const Job& job, const std::map<uint64_t, Job>& jobs,
                  const Membership& membership, uint64_t incarnation,
                  Plan* plan) {
  std::set<uint64_t> kept;
  std::vector<int> empty;
  for (int i = 0; i < plan->servers_size(); ++i) {
    const uint64_t node = plan->servers(i).node();
    if (job.IsLost(node) || membership.Find(node) == nullptr) {
      empty.push_back(i);
    } else {
      kept.insert(node);
    }
  }
  std::vector<uint64_t> others = ServersByLoad(jobs, membership);
  others.erase(
      std::remove_if(others.begin(), others.end(),
                     [&](uint64_t node) { return kept.count(node) != 0; }),
      others.end());
  if (others.size() < empty.size()) return false;
  for (size_t i = 0; i < empty.size(); ++i) {
    const Member& server = *membership.Find(others[i]);
    ServerEndpoint* place = plan->mutable_servers(empty[i]);
    place->set_node(others[i]);
    place->set_address(server.address);
    *place->mutable_local() = server.local;
  }
  if (job.spec().resources().replicas() == 2) {
    std::vector<uint64_t> servers;
    for (const ServerEndpoint& server : plan->servers()) {
      servers.push_back(server.node());
    }
    std::vector<Block> blocks(plan->blocks().begin(), plan->blocks().end());
    PlaceReplicas(HostsOf(servers, membership), &blocks);
    plan->mutable_blocks()->Assign(blocks.begin(), blocks.end());
  }
  *plan->mutable_restore() = job.RestorePoint();
  plan->set_blocks_since(incarnation);
  return true;
}

std::string WhyItDoesNotRollBack(const Job& job, const Membership& membership) {
  const auto needed = static_cast<size_t>(job.plan()->servers_size());
  const size_t there = membership.servers().size();
  if (there >= needed) return "";
  return absl::StrCat("waits for a server: ", needed,
                      needed == 1 ? " is" : " are", " needed, ", there,
                      there == 1 ? " is" : " are", " there; goes on from step ",
                      job.RestorePoint().step());
}

}  // namespace hawser
