// Fetches blocks from the server that held them before: all that there is of
// each, over the stream that workers use (docs/wire_format.md, "Moves").
//
//   BlockFetch fetch(job, incarnation, node, channel);
//   RETURN_IF_ERROR(fetch.Run(blocks, [&](const Block& block,
//                                         BlockContents contents) { ... }));
//
// Not thread-safe, but for the channel's Cancel, which ends it.
#ifndef HAWSER_SERVER_BLOCK_FETCH_H_
#define HAWSER_SERVER_BLOCK_FETCH_H_

#include <cstdint>
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

  // The plan and the channel, to the server that held the blocks, outlive it.
  // node: of this server.
  BlockFetch(const Plan* plan, uint64_t node, ParameterChannel* channel)
      : plan_(*plan), node_(node), channel_(channel) {}

  // Gives each block, as it comes, to `take`; what was taken before an error
  // stays taken. DATA_LOSS: not what was asked for. FAILED_PRECONDITION: the
  // server follows another plan. UNAVAILABLE, CANCELLED: as of the channel.
  // Errors of `take` are passed on.
  absl::Status Run(const std::vector<uint32_t>& blocks, Take take);

 private:
  absl::Status Ask(uint32_t block);
  absl::StatusOr<BlockContents> ReceiveBlock(uint32_t block);
  absl::Status ReceivePart(const FrameHeader& header, PayloadPieces pieces,
                           uint32_t block, BlockContents* contents);

  const Plan& plan_;
  const uint64_t node_;
  ParameterChannel* const channel_;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_BLOCK_FETCH_H_
