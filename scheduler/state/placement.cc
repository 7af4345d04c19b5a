#include "scheduler/state/placement.h"

#include <algorithm>
#include <map>

namespace hawser {

void PlaceBlocks(Placement policy, uint32_t servers,
                 std::vector<Block>* blocks) {
  // What is placed as one: a layer's blocks, or one block.
  struct Group {
    uint64_t elements = 0;
    std::vector<Block*> blocks;
  };
  std::map<uint32_t, Group> by_key;
  for (Block& block : *blocks) {
    Group& group = by_key[policy == BY_LAYER ? block.layer() : block.id()];
    group.elements += block.elements();
    group.blocks.push_back(&block);
  }
  std::vector<Group*> groups;
  for (auto& [key, group] : by_key) groups.push_back(&group);
  std::stable_sort(groups.begin(), groups.end(), [](Group* a, Group* b) {
    return a->elements > b->elements;
  });
  std::vector<uint64_t> load(servers, 0);
  for (Group* group : groups) {
    const auto least = std::min_element(load.begin(), load.end());
    *least += group->elements;
    for (Block* block : group->blocks) {
      block->set_server(static_cast<uint32_t>(least - load.begin()));
    }
  }
}

}  // namespace hawser
