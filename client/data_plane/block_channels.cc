#include "client/data_plane/block_channels.h"

namespace hawser {

BlockChannels::BlockChannels(const Plan& plan,
                             const ChannelFactory& make_channel)
    : channel_of_(static_cast<size_t>(plan.blocks_size())) {
  std::vector<std::vector<uint32_t>> blocks(
      static_cast<size_t>(plan.servers_size()));
  std::vector<uint64_t> bytes(blocks.size());
  for (const Block& block : plan.blocks()) {
    blocks[block.server()].push_back(block.id());
    bytes[block.server()] += block.elements() * sizeof(float);
  }
  for (int server = 0; server < plan.servers_size(); ++server) {
    const auto& held = blocks[static_cast<size_t>(server)];
    if (held.empty()) continue;
    const size_t first = channels_.size();
    channels_.push_back({server, make_channel(plan.servers(server)), {}});
    const bool two =
        held.size() > 1 && bytes[static_cast<size_t>(server)] >=
                               channels_[first].channel->BytesForTwo();
    if (two) {
      channels_[first].carries_all = false;
      channels_.push_back(
          {server, make_channel(plan.servers(server)), {}, false});
    }
    uint64_t dealt[2] = {0, 0};
    for (const uint32_t id : held) {
      const size_t which = two && dealt[1] < dealt[0] ? 1 : 0;
      dealt[which] += plan.blocks(static_cast<int>(id)).elements();
      channels_[first + which].blocks.push_back(id);
      channel_of_[id] = first + which;
    }
  }
}

}  // namespace hawser
