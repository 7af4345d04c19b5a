#include "scheduler/state/incarnation_reason.h"

#include <algorithm>
#include <set>

namespace hawser {
namespace {

std::set<uint64_t> WorkersOf(const Plan& plan) {
  std::set<uint64_t> workers;
  for (const MicroBatchRange& worker : plan.workers()) {
    workers.insert(worker.node());
  }
  return workers;
}

// The node that holds it.
uint64_t HolderOf(const Plan& plan, const Block& block) {
  return plan.servers(static_cast<int>(block.server())).node();
}

// The node that has its replica, or is to get it; 0: none.
uint64_t ReplicaHolderOf(const Plan& plan, const Block& block) {
  if (block.replica() == 0) return 0;
  return plan.servers(static_cast<int>(block.replica()) - 1).node();
}

bool HaveTheSameBlocks(const Plan& a, const Plan& b) {
  return a.moves_size() == b.moves_size() &&
         std::equal(a.blocks().begin(), a.blocks().end(), b.blocks().begin(),
                    b.blocks().end(), [&](const Block& x, const Block& y) {
                      return HolderOf(a, x) == HolderOf(b, y) &&
                             ReplicaHolderOf(a, x) == ReplicaHolderOf(b, y);
                    });
}

}  // namespace

IncarnationReason ReasonOf(const std::optional<Plan>& before,
                           const Plan& next) {
  if (!before.has_value() || before->total_steps() == 0) {
    return IncarnationReason::kStart;
  }
  if (next.blocks_since() != before->blocks_since()) {
    return IncarnationReason::kServerLost;
  }
  if (next.pause() || before->pause()) {
    return IncarnationReason::kSettingChanged;
  }
  const std::set<uint64_t> workers = WorkersOf(next);
  const std::set<uint64_t> workers_before = WorkersOf(*before);
  if (!std::includes(workers.begin(), workers.end(), workers_before.begin(),
                     workers_before.end())) {
    return IncarnationReason::kWorkerLost;
  }
  if (workers != workers_before) return IncarnationReason::kWorkerJoined;
  return HaveTheSameBlocks(*before, next) ? IncarnationReason::kSchedulerRestart
                                          : IncarnationReason::kBlocksMoved;
}

const char* NameOf(IncarnationReason reason) {
  switch (reason) {
    case IncarnationReason::kStart:
      return "start";
    case IncarnationReason::kWorkerLost:
      return "worker_lost";
    case IncarnationReason::kWorkerJoined:
      return "worker_joined";
    case IncarnationReason::kServerLost:
      return "server_lost";
    case IncarnationReason::kBlocksMoved:
      return "blocks_moved";
    case IncarnationReason::kSettingChanged:
      return "setting_changed";
    case IncarnationReason::kSchedulerRestart:
      return "scheduler_restart";
  }
  return "unknown";
}

}  // namespace hawser
