// A worker's side of the data plane's benchmark: whole vectors out and in over
// the channels to one server, one operation at a time, a thread for each
// channel.
//
// Not thread-safe.
#ifndef HAWSER_TESTS_BENCH_DATA_PLANE_BENCH_CLIENT_H_
#define HAWSER_TESTS_BENCH_DATA_PLANE_BENCH_CLIENT_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "client/data_plane/block_channels.h"
#include "common/shared_memory.h"
#include "proto/plan.pb.h"

namespace hawser {

class BenchClient {
 public:
  // Of the blocks on server 0. memory: what the gradient lies in. Both outlive
  // it.
  BenchClient(const Plan* plan, SharedMemory* memory);

  // What carries the operations below; outlives them. one: all blocks by the
  // first of the server's channels.
  void Use(const BlockChannels* channels, bool one);

  // Sends the sums of a tree node, and returns when all are acknowledged.
  void Push(uint64_t step, TreeNode node);
  // Sends them and does not wait.
  void Send(uint64_t step, TreeNode node, bool want_acks);
  void Pull(uint64_t version);

 private:
  // What one channel carries.
  struct Lane {
    ParameterChannel* channel;
    std::vector<uint32_t> blocks;  // ascending
    bool has_all;
  };

  FrameHeader Header(FrameKind kind, uint64_t clock) const;
  void OnEachLane(absl::FunctionRef<void(const Lane&)> work);
  void Send(const Lane& lane, uint64_t step, TreeNode node, bool want_acks);
  char* PlaceOf(const FrameHeader& header);
  void Await(const Lane& lane, FrameKind kind);

  const Plan* const plan_;
  std::vector<Lane> lanes_;
  const SharedMemory::Floats gradient_;
  std::vector<float> theta_;
};

}  // namespace hawser

#endif  // HAWSER_TESTS_BENCH_DATA_PLANE_BENCH_CLIENT_H_
