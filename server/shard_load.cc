#include "server/shard_load.h"

namespace hawser {

void ShardLoad::SetWorkers(const std::vector<uint64_t>& nodes) {
  absl::MutexLock lock(&mutex_);
  workers_.SetWorkers(nodes);
}

void ShardLoad::BeginStep(absl::Time now) {
  absl::MutexLock lock(&mutex_);
  workers_.BeginStep(now);
}

void ShardLoad::CountedInStep(const FrameHeader& push, absl::Time now) {
  absl::MutexLock lock(&mutex_);
  workers_.Count(push.node, push.clock + 1,
                 static_cast<uint64_t>(push.sums.samples), now);
}

void ShardLoad::CountedOnArrival(const FrameHeader& push, uint64_t updates,
                                 absl::Time now) {
  absl::MutexLock lock(&mutex_);
  workers_.Count(push.node, push.clock + 1,
                 static_cast<uint64_t>(push.sums.samples), now);
  workers_.CountStaleness(updates);
}

void ShardLoad::Describe(bool with_workers, ServerLoad* load) const {
  load->set_pushes(pushes_.load(std::memory_order_relaxed));
  load->set_push_bytes(push_bytes_.load(std::memory_order_relaxed));
  if (!with_workers) return;
  absl::MutexLock lock(&mutex_);
  workers_.Describe(load);
}

}  // namespace hawser
