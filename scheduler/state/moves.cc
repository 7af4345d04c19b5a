#include "scheduler/state/moves.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/job/plan_moves.h"
#include "scheduler/state/rebalance.h"
#include "scheduler/state/replicas.h"
#include "scheduler/state/server_load.h"

namespace hawser {
namespace {

// What is placed as one: layers, or blocks.
size_t PiecesOf(const Job& job) {
  return static_cast<size_t>(job.spec().placement().policy() == BY_LAYER
                                 ? job.plan()->layers_size()
                                 : job.plan()->blocks_size());
}

size_t ServersFor(const Job& job, const Membership& membership, size_t now) {
  return std::min({job.servers_wanted().has_value()
                       ? static_cast<size_t>(*job.servers_wanted())
                       : now,
                   membership.ServersForWork(), PiecesOf(job)});
}

// Where each block is, until it has come to where it is to be.
std::vector<uint64_t> Origins(const Plan& plan) {
  std::vector<uint64_t> origins;
  for (const Block& block : plan.blocks()) {
    origins.push_back(plan.servers(static_cast<int>(block.server())).node());
  }
  for (const BlockMove& move : plan.moves()) {
    if (move.replica()) continue;
    origins[move.block()] = plan.servers(static_cast<int>(move.from())).node();
  }
  return origins;
}

// The servers to be on: those that hold most of the job, then those that hold
// least of all jobs. In order of their numbers.
std::vector<uint64_t> ChooseTargets(const Job& job,
                                    const std::vector<uint64_t>& origins,
                                    const Membership& membership,
                                    const std::vector<uint64_t>& by_load) {
  std::map<uint64_t, uint64_t> held;  // elements, by server
  for (size_t b = 0; b < origins.size(); ++b) {
    held[origins[b]] += job.plan()->blocks(static_cast<int>(b)).elements();
  }
  const auto held_by = [&](uint64_t node) {
    const auto found = held.find(node);
    return found == held.end() ? 0 : found->second;
  };
  std::vector<uint64_t> targets = by_load;
  std::stable_sort(targets.begin(), targets.end(), [&](uint64_t a, uint64_t b) {
    return held_by(a) > held_by(b);
  });
  targets.resize(
      std::min(targets.size(), ServersFor(job, membership, held.size())));
  if (targets.empty()) {  // back to where they are
    for (const auto& [node, elements] : held) targets.push_back(node);
  }
  std::sort(targets.begin(), targets.end());
  return targets;
}

// Where each block has a replica that is filled; nothing: nowhere.
std::vector<std::optional<uint64_t>> FilledReplicas(const Plan& plan) {
  std::vector<std::optional<uint64_t>> filled;
  for (const Block& block : plan.blocks()) {
    filled.emplace_back();
    if (block.replica() == 0) continue;
    filled.back() = plan.servers(static_cast<int>(block.replica()) - 1).node();
  }
  for (const BlockMove& move : plan.moves()) {
    if (move.replica()) filled[move.block()].reset();
  }
  return filled;
}

// Where each block, placed by number among `targets`, is to have its replica:
// where it has one, if that may be. Nothing: nowhere.
std::vector<std::optional<uint64_t>> ChooseReplicas(
    const Membership& membership, const std::vector<uint64_t>& by_load,
    const std::vector<std::optional<uint64_t>>& filled,
    std::vector<uint64_t> targets, std::vector<Block> blocks) {
  // One server cannot keep both.
  for (const uint64_t node : by_load) {
    if (targets.size() > 1) break;
    if (node != targets.front()) targets.push_back(node);
  }
  for (size_t b = 0; b < blocks.size(); ++b) {
    const auto kept =
        filled[b].has_value()
            ? std::find(targets.begin(), targets.end(), *filled[b])
            : targets.end();
    const auto at = static_cast<uint32_t>(kept - targets.begin());
    const bool stays = kept != targets.end() && at != blocks[b].server();
    blocks[b].set_replica(stays ? at + 1 : 0);
  }
  PlaceReplicas(HostsOf(targets, membership), &blocks);
  std::vector<std::optional<uint64_t>> chosen;
  for (const Block& block : blocks) {
    chosen.emplace_back();
    if (block.replica() != 0) chosen.back() = targets[block.replica() - 1];
  }
  return chosen;
}

// The plan's servers, as they are added. One that blocks go to counts as one
// that the job has had when they have come (EndMoves): if it is lost before
// that, and has perhaps written nothing, another gets its number.
class ServerList {
 public:
  // nodes: those that will be added.
  ServerList(const Membership& membership, const std::set<uint64_t>& nodes,
             Plan* plan)
      : membership_(membership), plan_(plan), next_history_(plan->histories()) {
    for (const ServerEndpoint& server : plan->servers()) {
      if (nodes.count(server.node()) == 0) continue;
      history_[server.node()] = server.history();
      next_history_ = std::max(next_history_, server.history() + 1);
    }
    plan_->clear_servers();
  }
  uint32_t IndexOf(uint64_t node) {
    const auto [known, is_new] =
        index_.emplace(node, static_cast<uint32_t>(plan_->servers_size()));
    if (is_new) {
      ServerEndpoint* endpoint = plan_->add_servers();
      endpoint->set_node(node);
      if (const Member* server = membership_.Find(node)) {
        endpoint->set_address(server->address);
        *endpoint->mutable_local() = server->local;
      }
      const auto known = history_.find(node);
      endpoint->set_history(known != history_.end() ? known->second
                                                    : next_history_++);
    }
    return known->second;
  }

 private:
  const Membership& membership_;
  Plan* const plan_;
  uint32_t next_history_;
  std::map<uint64_t, uint32_t> index_;
  std::map<uint64_t, uint32_t> history_;  // of those before, by node
};

// Nothing but replicas is missing, and there is a server for them.
bool WantsFill(const Job& job, const Membership& membership) {
  return job.state() == RUNNING && job.ServersReady() && job.lacks_replicas() &&
         membership.ServersForWork() > 1;
}

bool LacksAServer(const Plan& plan, const Membership& membership) {
  return std::any_of(plan.servers().begin(), plan.servers().end(),
                     [&](const ServerEndpoint& server) {
                       return membership.Find(server.node()) == nullptr;
                     });
}

MoveStep NextStepOfAPause(const Job& job, const Membership& membership) {
  const bool moves = MovesBlocks(*job.plan());
  if (moves && LacksAServer(*job.plan(), membership)) return MoveStep::kMove;
  if (!job.ServersReady()) return MoveStep::kNone;
  return !moves && WantsMove(job, membership) ? MoveStep::kMove
                                              : MoveStep::kGoOn;
}

// Servers that no block names have the highest numbers.
void DropUnusedServers(Plan* plan) {
  uint32_t last = 0;
  for (const Block& block : plan->blocks()) {
    last = std::max(last, block.server());
    if (block.replica() != 0) last = std::max(last, block.replica() - 1);
  }
  while (plan->servers_size() > static_cast<int>(last) + 1) {
    plan->mutable_servers()->RemoveLast();
  }
}

}  // namespace

bool WantsMove(const Job& job, const Membership& membership) {
  if (job.state() != RUNNING || membership.ServersForWork() == 0) return false;
  for (const uint64_t node : membership.draining()) {
    if (job.HoldsBlocks(node) || job.HoldsReplicas(node)) return true;
  }
  return job.servers_wanted().has_value() &&
         ServersFor(job, membership, job.holders()) != job.holders();
}

MoveStep NextMoveStep(const Job& job, const Membership& membership) {
  if (!job.plan().has_value() || job.plan()->phases_size() == 0) {
    return MoveStep::kNone;
  }
  const Plan& plan = *job.plan();
  if (plan.pause()) return NextStepOfAPause(job, membership);
  if (job.change().has_value() || WantsMove(job, membership)) {
    return MoveStep::kPause;
  }
  if (!FillsReplicas(plan)) {
    return WantsFill(job, membership) ? MoveStep::kFill : MoveStep::kNone;
  }
  if (LacksAServer(plan, membership)) return MoveStep::kFill;
  return job.ServersReady() && job.ReplicasFilled() ? MoveStep::kEndFill
                                                    : MoveStep::kNone;
}

void PlaceAnew(const Job& job, const Membership& membership,
               const std::vector<uint64_t>& by_load, Plan* plan) {
  const std::vector<uint64_t> origins = Origins(*job.plan());
  const std::vector<uint64_t> targets =
      ChooseTargets(job, origins, membership, by_load);
  std::vector<std::optional<uint32_t>> now;
  for (const uint64_t origin : origins) {
    const auto at = std::lower_bound(targets.begin(), targets.end(), origin);
    if (at != targets.end() && *at == origin) {
      now.emplace_back(static_cast<uint32_t>(at - targets.begin()));
    } else {
      now.emplace_back();
    }
  }
  std::vector<Block> blocks(plan->blocks().begin(), plan->blocks().end());
  const std::vector<uint32_t> placed =
      Rebalance(job.spec().placement().policy(), blocks, now,
                static_cast<uint32_t>(targets.size()));
  const auto filled = FilledReplicas(*job.plan());
  std::vector<std::optional<uint64_t>> replicas(blocks.size());
  if (job.spec().resources().replicas() == 2) {
    for (size_t b = 0; b < placed.size(); ++b) blocks[b].set_server(placed[b]);
    replicas = ChooseReplicas(membership, by_load, filled, targets, blocks);
  }
  std::set<uint64_t> nodes(origins.begin(), origins.end());
  for (const uint32_t server : placed) nodes.insert(targets[server]);
  for (const auto& replica : replicas) {
    if (replica.has_value()) nodes.insert(*replica);
  }
  ServerList servers(membership, nodes, plan);
  plan->clear_moves();
  plan->set_placed_since(plan->incarnation());
  // Those that hold blocks come first: what they are called stays when the
  // others go.
  for (size_t b = 0; b < placed.size(); ++b) {
    plan->mutable_blocks(static_cast<int>(b))
        ->set_server(servers.IndexOf(targets[placed[b]]));
  }
  for (size_t b = 0; b < placed.size(); ++b) {
    plan->mutable_blocks(static_cast<int>(b))
        ->set_replica(
            replicas[b].has_value() ? servers.IndexOf(*replicas[b]) + 1 : 0);
  }
  const auto add_move = [&](size_t block, bool replica) {
    BlockMove* move = plan->add_moves();
    move->set_block(static_cast<uint32_t>(block));
    move->set_from(servers.IndexOf(origins[block]));
    move->set_replica(replica);
  };
  for (size_t b = 0; b < placed.size(); ++b) {
    if (targets[placed[b]] != origins[b]) add_move(b, /*replica=*/false);
    // Where the block has been, its replica is filled already.
    if (replicas[b].has_value() && replicas[b] != filled[b] &&
        replicas[b] != origins[b]) {
      add_move(b, /*replica=*/true);
    }
  }
}

void PlaceFills(const Job& job, const Membership& membership,
                const std::vector<uint64_t>& by_load, Plan* plan) {
  const std::set<uint64_t> keepers = KeepersOf(*job.plan());
  std::vector<uint64_t> nodes;
  for (const ServerEndpoint& server : plan->servers()) {
    if (keepers.count(server.node()) != 0) nodes.push_back(server.node());
  }
  std::map<uint64_t, uint32_t> index;
  for (const uint64_t node : nodes) {
    index.emplace(node, static_cast<uint32_t>(index.size()));
  }
  std::vector<Block> blocks(plan->blocks().begin(), plan->blocks().end());
  const std::vector<uint64_t> origins = Origins(*plan);
  for (size_t b = 0; b < blocks.size(); ++b) {
    blocks[b].set_server(index.at(origins[b]));
  }
  const auto filled = FilledReplicas(*plan);
  const auto replicas =
      ChooseReplicas(membership, by_load, filled, nodes, blocks);
  std::set<uint64_t> all(nodes.begin(), nodes.end());
  for (const auto& replica : replicas) {
    if (replica.has_value()) all.insert(*replica);
  }
  ServerList servers(membership, all, plan);
  // What those that hold something are called stays.
  for (const uint64_t node : nodes) servers.IndexOf(node);
  plan->clear_moves();
  for (size_t b = 0; b < blocks.size(); ++b) {
    Block* block = plan->mutable_blocks(static_cast<int>(b));
    block->set_server(servers.IndexOf(origins[b]));
    block->set_replica(
        replicas[b].has_value() ? servers.IndexOf(*replicas[b]) + 1 : 0);
    if (!replicas[b].has_value() || replicas[b] == filled[b]) continue;
    BlockMove* move = plan->add_moves();
    move->set_block(static_cast<uint32_t>(b));
    move->set_from(block->server());
    move->set_replica(true);
  }
}

void DropFills(Plan* plan) {
  for (const BlockMove& move : plan->moves()) {
    plan->mutable_blocks(static_cast<int>(move.block()))->set_replica(0);
  }
  plan->clear_moves();
  DropUnusedServers(plan);
}

void EndMoves(Plan* plan) {
  if (plan->moves_size() == 0) return;
  plan->clear_moves();
  for (const ServerEndpoint& server : plan->servers()) {
    plan->set_histories(std::max(plan->histories(), server.history() + 1));
  }
  DropUnusedServers(plan);
}

}  // namespace hawser
