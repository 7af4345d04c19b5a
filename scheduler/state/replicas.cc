#include "scheduler/state/replicas.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

namespace hawser {
namespace {

constexpr uint32_t kNone = ~uint32_t{0};

// Indices of the servers that have a block.
struct Copies {
  uint32_t first = kNone;
  uint32_t second = kNone;
};

std::vector<Copies> CopiesIn(const Plan& plan) {
  std::vector<Copies> copies;
  for (const Block& block : plan.blocks()) {
    copies.push_back({block.server(), block.replica() - 1});
  }
  for (const BlockMove& move : plan.moves()) {
    Copies& of_block = copies[move.block()];
    if (move.replica()) {
      of_block.second = kNone;
    } else {
      of_block.first = move.from();
    }
  }
  return copies;
}

// Leaves out servers that no block names.
void Compact(Plan* plan) {
  std::set<uint32_t> used;
  for (const Block& block : plan->blocks()) {
    used.insert(block.server());
    if (block.replica() != 0) used.insert(block.replica() - 1);
  }
  std::map<uint32_t, uint32_t> renumbered;
  std::vector<ServerEndpoint> servers;
  for (const uint32_t index : used) {
    renumbered[index] = static_cast<uint32_t>(servers.size());
    servers.push_back(plan->servers(static_cast<int>(index)));
  }
  plan->clear_servers();
  for (const ServerEndpoint& server : servers) *plan->add_servers() = server;
  for (Block& block : *plan->mutable_blocks()) {
    block.set_server(renumbered.at(block.server()));
    if (block.replica() == 0) continue;
    block.set_replica(renumbered.at(block.replica() - 1) + 1);
  }
}

}  // namespace

std::set<uint64_t> KeepersOf(const Plan& plan) {
  std::set<uint64_t> keepers;
  for (const Copies& copies : CopiesIn(plan)) {
    for (const uint32_t index : {copies.first, copies.second}) {
      if (index == kNone) continue;
      keepers.insert(plan.servers(static_cast<int>(index)).node());
    }
  }
  return keepers;
}

bool Survives(const Plan& plan, const std::set<uint64_t>& lost) {
  const auto is_left = [&](uint32_t index) {
    return index != kNone &&
           lost.count(plan.servers(static_cast<int>(index)).node()) == 0;
  };
  const std::vector<Copies> copies = CopiesIn(plan);
  return !copies.empty() &&
         std::all_of(copies.begin(), copies.end(), [&](const Copies& of_block) {
           return is_left(of_block.first) || is_left(of_block.second);
         });
}

void TakeOver(const std::set<uint64_t>& lost, Plan* plan) {
  const auto is_lost = [&](uint32_t index) {
    return index == kNone ||
           lost.count(plan->servers(static_cast<int>(index)).node()) != 0;
  };
  const std::vector<Copies> copies = CopiesIn(*plan);
  for (Block& block : *plan->mutable_blocks()) {
    Copies of_block = copies[block.id()];
    if (is_lost(of_block.first)) std::swap(of_block.first, of_block.second);
    const bool is_alone =
        is_lost(of_block.second) || of_block.second == of_block.first;
    block.set_server(of_block.first);
    block.set_replica(is_alone ? 0 : of_block.second + 1);
  }
  plan->clear_moves();
  Compact(plan);
  plan->set_placed_since(plan->incarnation());
}

void PlaceReplicas(const std::vector<std::string>& hosts,
                   std::vector<Block>* blocks) {
  const auto servers = static_cast<uint32_t>(hosts.size());
  if (servers < 2) return;
  std::vector<uint64_t> load(servers, 0);
  std::vector<Block*> alone;
  for (Block& block : *blocks) {
    load[block.server()] += block.elements();
    if (block.replica() != 0) {
      load[block.replica() - 1] += block.elements();
    } else {
      alone.push_back(&block);
    }
  }
  std::stable_sort(alone.begin(), alone.end(), [](Block* a, Block* b) {
    return a->elements() > b->elements();
  });
  for (Block* block : alone) {
    using Rank = std::tuple<bool, uint64_t, uint32_t>;
    std::optional<Rank> best;
    for (uint32_t i = 0; i < servers; ++i) {
      if (i == block->server()) continue;
      const Rank rank = {hosts[i] == hosts[block->server()], load[i], i};
      if (!best.has_value() || rank < *best) best = rank;
    }
    const uint32_t chosen = std::get<2>(*best);
    load[chosen] += block->elements();
    block->set_replica(chosen + 1);
  }
}

}  // namespace hawser
