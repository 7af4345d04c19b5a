// Pushes and pulls of a whole job: the plan's blocks over the channels to the
// servers that hold them.
//
// Of several servers each is read by a thread of its own, whatever it sends,
// since one server's answer may depend on what another one has got (norms, for
// clipping): when one stream ends, nobody goes on waiting for the others. A
// server alone is read by the caller that waits for it.
//
// After an error, but for OUT_OF_RANGE, the client is of no more use.
//
// Thread-compatible: one caller at a time, except Cancel (any thread).
#ifndef HAWSER_CLIENT_DATA_PLANE_PARAMETER_CLIENT_H_
#define HAWSER_CLIENT_DATA_PLANE_PARAMETER_CLIENT_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "client/data_plane/parameter_channel.h"
#include "common/metrics.h"
#include "common/micro_batch_tree.h"
#include "common/threads.h"
#include "proto/parameter_server.pb.h"
#include "proto/plan.pb.h"

namespace hawser {

using ChannelFactory = std::function<std::unique_ptr<ParameterChannel>(
    const std::string& address)>;

class ParameterClient {
 public:
  // node: this worker. Only servers that hold blocks are connected to. threads
  // outlives the client.
  ParameterClient(const Plan& plan, uint64_t node,
                  const ChannelFactory& make_channel, Threads* threads);
  ~ParameterClient();

  // The step every server has completed: where a worker goes on.
  absl::StatusOr<uint64_t> CurrentStep();

  // --- Where updates are made once per step ---

  // Sends the sum of the gradients of the micro-batches below `tree_node` at
  // `step`, every block of it, last block first (as the backward pass goes).
  // gradient: [parameters], unchanged until Pull(step + 1) has returned, or
  // AwaitAcks if acks are asked for.
  absl::Status Push(uint64_t step, TreeNode tree_node, const float* gradient,
                    const SampleSums& sums, bool want_acks);

  // Waits for version `version` of every block. theta: [parameters].
  // OUT_OF_RANGE: a block is past it; theta is undefined.
  absl::Status Pull(uint64_t version, float* theta);

  // --- Where each push is applied on arrival ---

  // Sends the sum of the gradients of micro-batches [position, position + run),
  // computed at the parameters of the last Read, as push number `clock` of this
  // worker. gradient as for Push, until AwaitAcks.
  absl::Status PushRun(uint64_t position, uint32_t run, uint64_t clock,
                       const float* gradient, const SampleSums& sums);

  // Waits for parameters as new as the bound on staleness asks for at the
  // worker's clock, to compute micro-batch `position` with. theta:
  // [parameters].
  absl::Status Read(uint64_t position, uint64_t clock, float* theta);

  // Tells every server the worker's clock, without a push or a read.
  absl::Status Tick(uint64_t position, uint64_t clock);

  // --- Both ---

  // Waits until every push that asked for it has been acknowledged: it is
  // counted, now or before.
  absl::Status AwaitAcks();

  // Asks the server of block 0 for work; one request at a time.
  absl::Status RequestLease(const LeaseRequest& request);
  // Waits for its answer.
  absl::StatusOr<Lease> AwaitLease();

  // Frames so far, headers and payloads; what gRPC and TCP add is not in it.
  struct Traffic {
    uint64_t sent_bytes = 0;
    uint64_t received_bytes = 0;
  };
  Traffic traffic() const { return {sent_bytes_, received_bytes_}; }

  // Makes the calls above return CANCELLED, for good.
  void Cancel();

 private:
  // What is still to come from one server.
  struct Due {
    int blocks = 0;
    int acks = 0;
  };

  FrameHeader Header(FrameKind kind, uint64_t clock) const;
  absl::Status Send(size_t server, const FrameHeader& header,
                    absl::Span<const char> payload);
  absl::Status SendBlocks(FrameHeader header, const float* gradient,
                          const SampleSums& sums);
  absl::Status SendToAll(const FrameHeader& header);
  absl::Status ReceiveBlocks(const FrameHeader& request, float* theta);
  // Returns when `holds` does, or after an error, with it.
  absl::Status WaitUntil(absl::FunctionRef<bool()> holds);
  void RunReader(size_t server);
  // One frame from a server, whatever it is.
  absl::Status Receive(size_t server);
  absl::Status Take(size_t server, const FrameHeader& header,
                    PayloadPieces pieces);
  absl::Status TakeBlock(size_t server, const FrameHeader& header,
                         PayloadPieces pieces);
  absl::Status TakeError(size_t server, const absl::Status& refusal);
  absl::Status TakeLease(PayloadPieces pieces);

  const Plan plan_;
  const uint64_t node_;
  Threads* const threads_;
  std::vector<std::unique_ptr<ParameterChannel>> channels_;  // by server
  std::vector<int> blocks_on_;                               // by server
  size_t lease_server_ = 0;  // of block 0, and the one that is read alone
  std::string request_;      // for a lease, on its way
  uint64_t sent_bytes_ = 0;
  std::atomic<uint64_t> received_bytes_{0};

  absl::Mutex mutex_;
  std::vector<Due> due_ ABSL_GUARDED_BY(mutex_);  // by server
  uint64_t awaited_clock_ ABSL_GUARDED_BY(mutex_) = 0;
  // Where awaited blocks go.
  float* theta_ ABSL_GUARDED_BY(mutex_) = nullptr;
  // Why awaited blocks will not come.
  absl::Status past_ ABSL_GUARDED_BY(mutex_);
  // Updates of each block as last received.
  std::vector<uint64_t> updates_ ABSL_GUARDED_BY(mutex_);
  std::deque<Lease> leases_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);  // the first error
  std::vector<std::unique_ptr<Threads::Thread>> readers_;
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_DATA_PLANE_PARAMETER_CLIENT_H_
