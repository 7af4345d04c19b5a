#include "server/state/worker_speeds.h"

#include <algorithm>

namespace hawser {
namespace {

// A micro-batch that takes no time at all.
constexpr double kShortest = 1e-9;

}  // namespace

void WorkerSpeeds::Reset(uint64_t workers) {
  workers_ = workers;
  known_.clear();
  sum_ = 0;
}

void WorkerSpeeds::Set(uint64_t node, double seconds_per_micro_batch) {
  if (!(seconds_per_micro_batch > 0)) return;
  double& speed = known_[node];
  sum_ -= speed;
  speed = 1 / std::max(seconds_per_micro_batch, kShortest);
  sum_ += speed;
}

double WorkerSpeeds::Mean() const {
  return known_.empty() ? 1 : sum_ / static_cast<double>(known_.size());
}

double WorkerSpeeds::Of(uint64_t node) const {
  const auto found = known_.find(node);
  return found == known_.end() ? Mean() : found->second;
}

}  // namespace hawser
