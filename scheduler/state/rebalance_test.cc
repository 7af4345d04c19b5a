#include "scheduler/state/rebalance.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "gtest/gtest.h"
#include "scheduler/state/placement.h"

namespace hawser {
namespace {

using Now = std::vector<std::optional<uint32_t>>;

std::vector<Block> Blocks(const std::vector<uint32_t>& elements,
                          uint32_t of_layer = 1) {
  std::vector<Block> blocks;
  for (const uint32_t each : elements) {
    Block block;
    block.set_id(static_cast<uint32_t>(blocks.size()));
    block.set_layer(block.id() / of_layer);
    block.set_elements(each);
    blocks.push_back(block);
  }
  return blocks;
}

Now PlacedOn(Placement policy, uint32_t servers, std::vector<Block> blocks) {
  PlaceBlocks(policy, servers, &blocks);
  Now now;
  for (const Block& block : blocks) now.push_back(block.server());
  return now;
}

uint64_t Moved(const std::vector<Block>& blocks, const Now& now,
               const std::vector<uint32_t>& placed) {
  uint64_t moved = 0;
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (now[i] != placed[i]) moved += blocks[i].elements();
  }
  return moved;
}

TEST(RebalanceTest, IsEvenWhateverWasBefore) {
  std::mt19937 random(5);
  for (int round = 0; round < 500; ++round) {
    std::vector<uint32_t> elements(1 + random() % 40);
    for (uint32_t& each : elements) each = 1 + random() % 1000;
    const uint32_t of_layer = 1 + random() % 4;
    const auto blocks = Blocks(elements, of_layer);
    const auto policy = random() % 2 == 0 ? BY_LAYER : BY_BLOCK;
    const uint32_t servers = 1 + random() % 7;
    std::map<uint32_t, std::optional<uint32_t>> of_piece;
    std::map<uint32_t, uint64_t> pieces;
    Now now;
    for (const Block& block : blocks) {
      const uint32_t key = policy == BY_LAYER ? block.layer() : block.id();
      pieces[key] += block.elements();
      if (of_piece.count(key) == 0 && random() % 4 != 0) {
        of_piece[key] = random() % servers;
      }
      now.push_back(of_piece[key]);
    }
    const auto placed = Rebalance(policy, blocks, now, servers);
    std::vector<uint64_t> load(servers, 0);
    std::vector<uint64_t> largest(servers, 0);
    std::map<uint32_t, std::set<uint32_t>> servers_of_layer;
    for (size_t i = 0; i < blocks.size(); ++i) {
      ASSERT_LT(placed[i], servers);
      load[placed[i]] += blocks[i].elements();
      const uint32_t key =
          policy == BY_LAYER ? blocks[i].layer() : blocks[i].id();
      largest[placed[i]] = std::max(largest[placed[i]], pieces[key]);
      servers_of_layer[blocks[i].layer()].insert(placed[i]);
    }
    const uint64_t least = *std::min_element(load.begin(), load.end());
    for (uint32_t s = 0; s < servers; ++s) {
      EXPECT_LE(load[s] - least, largest[s]) << "server " << s;
    }
    if (pieces.size() >= servers) {
      EXPECT_GT(least, 0u);
    }
    for (const auto& [layer, on] : servers_of_layer) {
      if (policy == BY_LAYER) {
        EXPECT_EQ(on.size(), 1u) << "layer " << layer;
      }
    }
    EXPECT_EQ(
        Rebalance(policy, blocks, Now(placed.begin(), placed.end()), servers),
        placed)
        << "and stays as it is";
  }
}

// The least that has to move where all blocks are alike, by counting.
TEST(RebalanceTest, EqualBlocksMoveNoMoreThanTheyMust) {
  for (uint32_t count = 1; count <= 24; ++count) {
    const auto blocks = Blocks(std::vector<uint32_t>(count, 10));
    for (uint32_t before = 1; before <= 6; ++before) {
      const Now now = PlacedOn(BY_BLOCK, before, blocks);
      for (uint32_t after = 1; after <= 6; ++after) {
        Now kept = now;
        std::vector<uint64_t> load(after, 0);
        uint64_t homeless = 0;
        for (auto& server : kept) {
          if (*server >= after) {
            server.reset();
            ++homeless;
          } else {
            ++load[*server];
          }
        }
        const auto placed = Rebalance(BY_BLOCK, blocks, kept, after);
        // Of servers over their share, the fullest may have one more.
        std::sort(load.rbegin(), load.rend());
        uint64_t over = 0;
        for (uint32_t s = 0; s < after; ++s) {
          const uint64_t share = count / after + (s < count % after ? 1 : 0);
          over += load[s] > share ? load[s] - share : 0;
        }
        EXPECT_EQ(Moved(blocks, now, placed), 10 * (homeless + over))
            << count << " blocks, " << before << " to " << after;
      }
    }
  }
}

TEST(RebalanceTest, BlocksOfAServerThatGoesAreSpread) {
  const auto blocks = Blocks({8, 8, 4, 4, 4, 4});
  const Now now = {0,           1, std::nullopt, std::nullopt, std::nullopt,
                   std::nullopt};
  EXPECT_EQ(Rebalance(BY_BLOCK, blocks, now, 2),
            (std::vector<uint32_t>{0, 1, 0, 1, 0, 1}));
}

}  // namespace
}  // namespace hawser
