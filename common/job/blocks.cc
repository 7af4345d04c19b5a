#include "common/job/blocks.h"

#include <algorithm>

namespace hawser {

std::vector<Block> CutIntoBlocks(const ModelLayout& layout,
                                 uint32_t block_elements) {
  std::vector<Block> blocks;
  for (size_t l = 0; l < layout.layers.size(); ++l) {
    const LayerShape& layer = layout.layers[l];
    for (uint64_t at = 0; at < layer.elements(); at += block_elements) {
      Block block;
      block.set_id(static_cast<uint32_t>(blocks.size()));
      block.set_offset(layer.offset() + at);
      block.set_elements(static_cast<uint32_t>(
          std::min<uint64_t>(block_elements, layer.elements() - at)));
      block.set_layer(static_cast<uint32_t>(l));
      blocks.push_back(block);
    }
  }
  return blocks;
}

}  // namespace hawser
