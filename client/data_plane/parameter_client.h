// Pushes and pulls of a whole job: the plan's blocks over the channels to the
// servers that hold them.
//
// Thread-compatible: one caller at a time, except Cancel (any thread).
#ifndef HAWSER_CLIENT_DATA_PLANE_PARAMETER_CLIENT_H_
#define HAWSER_CLIENT_DATA_PLANE_PARAMETER_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/data_plane/parameter_channel.h"
#include "common/metrics.h"
#include "common/micro_batch_tree.h"
#include "proto/plan.pb.h"

namespace hawser {

using ChannelFactory = std::function<std::unique_ptr<ParameterChannel>(
    const std::string& address)>;

class ParameterClient {
 public:
  // node: this worker. Only servers that hold blocks are connected to.
  ParameterClient(const Plan& plan, uint64_t node,
                  const ChannelFactory& make_channel);

  // The step every server has completed: where a worker goes on.
  absl::StatusOr<uint64_t> CurrentStep();

  // Sends the sum of the gradients of the micro-batches below `tree_node` at
  // `step`, every block of it, last block first (as the backward pass goes).
  // gradient: [parameters], unchanged until Pull(step + 1) has returned.
  absl::Status Push(uint64_t step, TreeNode tree_node, const float* gradient,
                    const SampleSums& sums);

  // Waits for version `version` of every block. theta: [parameters].
  absl::Status Pull(uint64_t version, float* theta);

  // Makes the calls above return CANCELLED, for good.
  void Cancel();

 private:
  FrameHeader Header(FrameKind kind, uint64_t clock) const;
  absl::Status ReceiveBlock(ParameterChannel* channel, uint64_t version,
                            float* theta);

  const Plan plan_;
  const uint64_t node_;
  std::vector<std::unique_ptr<ParameterChannel>> channels_;  // by server
  std::vector<int> blocks_on_;                               // by server
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_DATA_PLANE_PARAMETER_CLIENT_H_
