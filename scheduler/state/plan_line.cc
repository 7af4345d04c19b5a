#include "scheduler/state/plan_line.h"

#include <cstdint>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/job/plan_moves.h"

namespace hawser {
namespace {

std::string FillLine(const Plan& plan) {
  std::set<uint32_t> servers;
  for (const BlockMove& move : plan.moves()) {
    servers.insert(plan.blocks(static_cast<int>(move.block())).replica());
  }
  return absl::StrCat("fills replicas of ", plan.moves_size(), " of ",
                      plan.blocks_size(), " blocks on ", servers.size(),
                      " servers, and runs on");
}

std::string MoveLine(const Plan& plan) {
  uint64_t elements = 0;
  int replicas = 0;
  for (const BlockMove& move : plan.moves()) {
    elements += plan.blocks(static_cast<int>(move.block())).elements();
    replicas += move.replica();
  }
  std::set<uint32_t> holders;
  for (const Block& block : plan.blocks()) holders.insert(block.server());
  return absl::StrCat(
      "moves ", plan.moves_size() - replicas, " of ", plan.blocks_size(),
      " blocks",
      replicas == 0 ? "" : absl::StrCat(" and fills replicas of ", replicas),
      ", ", elements, " parameters, to be on ", holders.size(), " servers");
}

std::string WhatItDoes(const Plan& plan) {
  if (plan.total_steps() == 0) {
    return absl::StrCat(plan.workers_size(), " workers open the data");
  }
  if (FillsReplicas(plan)) return FillLine(plan);
  if (plan.moves_size() != 0) return MoveLine(plan);
  if (plan.pause()) return "pauses";
  return absl::StrCat(plan.blocks_size(), " blocks on ", plan.servers_size(),
                      " servers, ", plan.workers_size(), " workers, ",
                      plan.total_steps(), " steps");
}

}  // namespace

std::string PlanLine(const Plan& plan) {
  return absl::StrCat("incarnation ", plan.incarnation(), ": ",
                      WhatItDoes(plan));
}

}  // namespace hawser
