// What comes to a parameter shard, counted for people to see (ServerLoad).
//
// Thread-safe. A push costs two relaxed additions; one to block 0, a short lock
// as well.
#ifndef HAWSER_SERVER_SHARD_LOAD_H_
#define HAWSER_SERVER_SHARD_LOAD_H_

#include <atomic>
#include <cstdint>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/wire/frame.h"
#include "proto/load.pb.h"
#include "server/state/worker_counts.h"

namespace hawser {

class ShardLoad {
 public:
  // Any push that comes, counted or not.
  void Pushed(uint64_t payload_bytes) {
    pushes_.fetch_add(1, std::memory_order_relaxed);
    push_bytes_.fetch_add(payload_bytes, std::memory_order_relaxed);
  }

  // See WorkerCounts.
  void SetWorkers(const std::vector<uint64_t>& nodes);
  void BeginStep(absl::Time now);
  // A push to block 0 that was counted once per step, or applied on arrival,
  // `updates` updates after its worker's read.
  void CountedInStep(const FrameHeader& push, absl::Time now);
  void CountedOnArrival(const FrameHeader& push, uint64_t updates,
                        absl::Time now);

  // with_workers: this is the server of block 0.
  void Describe(bool with_workers, ServerLoad* load) const;

 private:
  std::atomic<uint64_t> pushes_{0};
  std::atomic<uint64_t> push_bytes_{0};
  mutable absl::Mutex mutex_;
  WorkerCounts workers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hawser

#endif  // HAWSER_SERVER_SHARD_LOAD_H_
