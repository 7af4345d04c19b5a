#include "common/job/plan_moves.h"

#include <algorithm>
#include <set>

namespace hawser {

bool MovesBlocks(const Plan& plan) {
  return plan.pause() && plan.moves_size() != 0;
}

bool FillsReplicas(const Plan& plan) {
  return !plan.pause() && plan.moves_size() != 0;
}

bool AllComesFromOthers(const Plan& plan, uint32_t server) {
  if (MovesBlocks(plan)) return true;
  std::set<uint32_t> filled;
  for (const BlockMove& move : plan.moves()) filled.insert(move.block());
  return std::none_of(
      plan.blocks().begin(), plan.blocks().end(), [&](const Block& block) {
        return block.server() == server ||
               (block.replica() == server + 1 && filled.count(block.id()) == 0);
      });
}

}  // namespace hawser
