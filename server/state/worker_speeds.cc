#include "server/state/worker_speeds.h"

#include <algorithm>

namespace hawser {
namespace {

// Of a micro-batch. Beyond these, sums and quotients of speeds mean nothing.
constexpr double kLeastSeconds = 1e-9;
constexpr double kMostSeconds = 1e9;

}  // namespace

void WorkerSpeeds::Reset(uint64_t workers) {
  workers_ = workers;
  known_.clear();
  sum_ = 0;
}

void WorkerSpeeds::Set(uint64_t node, double seconds_per_micro_batch) {
  if (!(seconds_per_micro_batch > 0)) return;
  known_[node] =
      1 / std::clamp(seconds_per_micro_batch, kLeastSeconds, kMostSeconds);
  // Anew: a difference of speeds that lie far apart may be negative.
  sum_ = 0;
  for (const auto& [each, speed] : known_) sum_ += speed;
}

double WorkerSpeeds::Mean() const {
  return known_.empty() ? 1 : sum_ / static_cast<double>(known_.size());
}

double WorkerSpeeds::Of(uint64_t node) const {
  const auto found = known_.find(node);
  return found == known_.end() ? Mean() : found->second;
}

}  // namespace hawser
