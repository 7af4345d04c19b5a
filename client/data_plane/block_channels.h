// Which channel carries which block. The blocks of a server that has much to
// carry are dealt to two channels, so that two cores at each end work for it;
// a block stays with its channel, hence its frames in order.
//
// Thread-compatible: does not change once it is made.
#ifndef HAWSER_CLIENT_DATA_PLANE_BLOCK_CHANNELS_H_
#define HAWSER_CLIENT_DATA_PLANE_BLOCK_CHANNELS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "client/data_plane/parameter_channel.h"
#include "proto/plan.pb.h"

namespace hawser {

// How a server is reached: by a channel that suits where it is.
using ChannelFactory = std::function<std::unique_ptr<ParameterChannel>(
    const ServerEndpoint& server)>;

class BlockChannels {
 public:
  struct ServerChannel {
    int server = 0;  // of the plan's
    std::unique_ptr<ParameterChannel> channel;
    std::vector<uint32_t> blocks;  // ascending; never empty
    // Its server has no other.
    bool carries_all = true;
  };

  // Only servers that hold blocks have channels.
  BlockChannels(const Plan& plan, const ChannelFactory& make_channel);

  // Those of one server follow each other.
  const std::vector<ServerChannel>& all() const { return channels_; }
  // Another one of its server's follows.
  bool IsFirstOfTwo(size_t channel) const {
    return channel + 1 < channels_.size() &&
           channels_[channel + 1].server == channels_[channel].server;
  }
  // Which of them a block has.
  size_t Of(uint32_t block) const { return channel_of_[block]; }

 private:
  std::vector<ServerChannel> channels_;
  std::vector<size_t> channel_of_;  // by block
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_DATA_PLANE_BLOCK_CHANNELS_H_
