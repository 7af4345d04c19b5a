// A worker's side of the data plane's benchmark: whole vectors out and in over
// a ParameterChannel, one operation at a time.
//
// Not thread-safe.
#ifndef HAWSER_TESTS_BENCH_DATA_PLANE_BENCH_CLIENT_H_
#define HAWSER_TESTS_BENCH_DATA_PLANE_BENCH_CLIENT_H_

#include <cstdint>
#include <vector>

#include "client/data_plane/parameter_channel.h"
#include "common/shared_memory.h"
#include "proto/plan.pb.h"

namespace hawser {

class BenchClient {
 public:
  // Of the blocks on server 0. memory: what the gradient lies in. Both outlive
  // it.
  BenchClient(const Plan* plan, SharedMemory* memory);

  // What carries the operations below; outlives them.
  void Use(ParameterChannel* channel) { channel_ = channel; }

  // Sends the sums of a tree node, and returns when all are acknowledged.
  void Push(uint64_t step, TreeNode node);
  // Sends them and does not wait.
  void Send(uint64_t step, TreeNode node, bool want_acks);
  void Pull(uint64_t version);

 private:
  FrameHeader Header(FrameKind kind, uint64_t clock) const;
  void Await(FrameKind kind);

  const Plan* const plan_;
  ParameterChannel* channel_ = nullptr;
  int blocks_ = 0;
  const SharedMemory::Floats gradient_;
  std::vector<float> theta_;
};

}  // namespace hawser

#endif  // HAWSER_TESTS_BENCH_DATA_PLANE_BENCH_CLIENT_H_
