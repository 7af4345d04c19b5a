#include "scheduler/state/placement.h"

#include <algorithm>
#include <map>
#include <random>

#include "gtest/gtest.h"
#include "scheduler/state/micro_batch_leases.h"

namespace hawser {
namespace {

std::vector<Block> SomeBlocks(uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Block> blocks;
  for (uint32_t layer = 0; layer < 12; ++layer) {
    for (uint32_t i = 0; i <= random() % 4; ++i) {
      Block block;
      block.set_id(static_cast<uint32_t>(blocks.size()));
      block.set_layer(layer);
      block.set_elements(1 + random() % 1000);
      blocks.push_back(block);
    }
  }
  return blocks;
}

TEST(PlacementTest, BalancesBytesWithinTheLargestPiece) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    for (const uint32_t servers : {1u, 2u, 3u, 7u, 100u}) {
      for (const auto policy : {BY_BLOCK, BY_LAYER}) {
        std::vector<Block> blocks = SomeBlocks(seed);
        PlaceBlocks(policy, servers, &blocks);
        std::map<uint32_t, uint64_t> load, pieces;
        std::map<uint32_t, uint32_t> server_of_layer;
        for (uint32_t s = 0; s < servers; ++s) load[s] = 0;
        for (const Block& block : blocks) {
          ASSERT_LT(block.server(), servers);
          load[block.server()] += block.elements();
          pieces[policy == BY_LAYER ? block.layer() : block.id()] +=
              block.elements();
          if (policy == BY_BLOCK) continue;
          const auto [known, is_new] =
              server_of_layer.emplace(block.layer(), block.server());
          EXPECT_EQ(known->second, block.server());  // layers stay together
        }
        uint64_t least = ~uint64_t{0}, most = 0, largest = 0;
        for (const auto& [server, elements] : load) {
          least = std::min(least, elements);
          most = std::max(most, elements);
        }
        for (const auto& [piece, elements] : pieces) {
          largest = std::max(largest, elements);
        }
        // What list scheduling guarantees.
        EXPECT_LE(most - least, largest);
        std::vector<Block> again = SomeBlocks(seed);
        PlaceBlocks(policy, servers, &again);
        for (size_t i = 0; i < blocks.size(); ++i) {
          EXPECT_EQ(again[i].server(), blocks[i].server());
        }
      }
    }
  }
}

// The smallest possible load of the fullest server, by trying everything.
uint64_t BestMakespan(const std::vector<uint64_t>& pieces, size_t at,
                      std::vector<uint64_t>* load) {
  if (at == pieces.size()) return *std::max_element(load->begin(), load->end());
  uint64_t best = ~uint64_t{0};
  for (uint64_t& server : *load) {
    server += pieces[at];
    best = std::min(best, BestMakespan(pieces, at + 1, load));
    server -= pieces[at];
  }
  return best;
}

TEST(PlacementTest, TheFullestServerIsCloseToTheBest) {
  std::mt19937 random(1);
  for (int round = 0; round < 40; ++round) {
    const uint32_t servers = 2 + random() % 2;
    std::vector<Block> blocks(8);
    std::vector<uint64_t> pieces;
    for (uint32_t id = 0; id < blocks.size(); ++id) {
      blocks[id].set_id(id);
      blocks[id].set_elements(1 + random() % 1000);
      pieces.push_back(blocks[id].elements());
    }
    PlaceBlocks(BY_BLOCK, servers, &blocks);
    std::vector<uint64_t> load(servers, 0);
    for (const Block& block : blocks) load[block.server()] += block.elements();
    const uint64_t fullest = *std::max_element(load.begin(), load.end());
    std::vector<uint64_t> none(servers, 0);
    const uint64_t best = BestMakespan(pieces, 0, &none);
    // Graham, 1969, theorem 2: within 4/3 - 1/(3 servers).
    EXPECT_LE(3 * servers * fullest, (4 * servers - 1) * best);
  }
}

TEST(PlacementTest, TiesGoToTheLowerNumberAndServersMayBeLeftOver) {
  std::vector<Block> blocks(3);
  for (uint32_t id = 0; id < blocks.size(); ++id) {
    blocks[id].set_id(id);
    blocks[id].set_layer(id / 2);
    blocks[id].set_elements(10);
  }
  PlaceBlocks(BY_BLOCK, 5, &blocks);
  for (uint32_t id = 0; id < 3; ++id) EXPECT_EQ(blocks[id].server(), id);
  PlaceBlocks(BY_LAYER, 5, &blocks);
  EXPECT_EQ(blocks[0].server(), 0u);
  EXPECT_EQ(blocks[1].server(), 0u);
  EXPECT_EQ(blocks[2].server(), 1u);
}

TEST(MicroBatchLeasesTest, RunsCoverEveryMicroBatchOnceAndEvenly) {
  for (uint32_t workers = 1; workers <= 12; ++workers) {
    for (uint32_t micro_batches = 1; micro_batches <= 20; ++micro_batches) {
      std::vector<uint64_t> nodes;
      for (uint32_t w = 0; w < workers; ++w) nodes.push_back(100 + w);
      const auto ranges = StaticRanges(nodes, micro_batches);
      ASSERT_EQ(ranges.size(), workers);
      uint32_t at = 0;
      for (uint32_t w = 0; w < workers; ++w) {
        EXPECT_EQ(ranges[w].node(), nodes[w]);
        EXPECT_EQ(ranges[w].first(), at);
        at = ranges[w].last();
        const uint32_t size = ranges[w].last() - ranges[w].first();
        EXPECT_GE(size, micro_batches / workers);
        EXPECT_LE(size, (micro_batches + workers - 1) / workers);
      }
      EXPECT_EQ(at, micro_batches);
    }
  }
  EXPECT_TRUE(StaticRanges({}, 8).empty());
}

}  // namespace
}  // namespace hawser
