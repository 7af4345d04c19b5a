#include "server/early_updates.h"

#include <utility>

namespace hawser {

void EarlyUpdates::Await(uint64_t incarnation, std::set<uint32_t> blocks) {
  std::map<uint32_t, std::vector<IncomingFrame>> refused;
  {
    absl::MutexLock lock(&mutex_);
    refused.swap(kept_);
    incarnation_ = incarnation;
    for (const uint32_t block : blocks) kept_[block];
    awaited_.store(kept_.size(), std::memory_order_release);
  }
  for (auto& [block, frames] : refused) {
    for (IncomingFrame& frame : frames) {
      frame.sink->Send(
          ErrorFrame(frame.header,
                     StaleIncarnation(frame.header.incarnation, incarnation)));
      frame.done();
    }
  }
}

bool EarlyUpdates::Keep(IncomingFrame* frame) {
  if (awaited_.load(std::memory_order_acquire) == 0) return false;
  absl::MutexLock lock(&mutex_);
  const auto kept = kept_.find(frame->header.block);
  if (kept == kept_.end() || frame->header.incarnation != incarnation_) {
    return false;
  }
  kept->second.push_back(std::move(*frame));
  return true;
}

void EarlyUpdates::Release(uint32_t block,
                           absl::FunctionRef<void(IncomingFrame)> take) {
  absl::MutexLock lock(&mutex_);
  auto kept = kept_.extract(block);
  if (kept.empty()) return;
  for (IncomingFrame& frame : kept.mapped()) take(std::move(frame));
  awaited_.store(kept_.size(), std::memory_order_release);
}

}  // namespace hawser
