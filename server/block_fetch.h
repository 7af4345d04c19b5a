// Fetches blocks from the server that held them before, or has them, for their
// replicas: all that there is of each, over the stream that workers use
// (docs/wire_format.md).
//
//   BlockFetch fetch(job, incarnation, node, channel);
//   RETURN_IF_ERROR(fetch.Run(blocks, [&](const Block& block,
//                                         BlockContents contents) { ... }));
//
// Not thread-safe, but for the channel's Cancel, which ends it.
#ifndef HAWSER_SERVER_BLOCK_FETCH_H_
#define HAWSER_SERVER_BLOCK_FETCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "client/data_plane/parameter_channel.h"
#include "proto/plan.pb.h"
#include "server/block_store.h"

namespace hawser {

class BlockFetch {
 public:
  using Take = absl::FunctionRef<absl::Status(uint32_t, BlockContents)>;

  struct Wanted {
    uint32_t block = 0;
    // Of a replica: what there is of it (a serialised BlockState).
    std::string have;
  };

  // The plan and the channel, to the server that has the blocks, outlive it.
  // node: of this server.
  BlockFetch(const Plan* plan, uint64_t node, ParameterChannel* channel)
      : plan_(*plan), node_(node), channel_(channel) {}

  // Gives each block, as it comes, to `take`, without vectors if what there is
  // of it is all there is; what was taken before an error
  // stays taken. DATA_LOSS: not what was asked for. FAILED_PRECONDITION: the
  // server follows another plan. UNAVAILABLE, CANCELLED: as of the channel.
  // Errors of `take` are passed on.
  absl::Status Run(const std::vector<Wanted>& blocks, Take take);

 private:
  absl::Status Ask(const Wanted& wanted);
  absl::StatusOr<BlockContents> ReceiveBlock(uint32_t block);
  absl::Status ReceivePart(const FrameHeader& header, PayloadPieces pieces,
                           uint32_t block, BlockContents* contents);

  const Plan& plan_;
  const uint64_t node_;
  ParameterChannel* const channel_;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_BLOCK_FETCH_H_
