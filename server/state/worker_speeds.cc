#include "server/state/worker_speeds.h"

#include <algorithm>

namespace hawser {
namespace {

// Of a micro-batch. Beyond these, sums and quotients of speeds mean nothing.
constexpr double kLeastSeconds = 1e-9;
constexpr double kMostSeconds = 1e9;
constexpr double kOne = 0x1.0p64;  // fixed point

unsigned __int128 ToFixed(double speed) {
  return static_cast<unsigned __int128>(speed * kOne);
}

}  // namespace

void WorkerSpeeds::Reset(uint64_t workers) {
  workers_ = workers;
  known_.clear();
  in_order_.clear();
  sum_ = 0;
}

void WorkerSpeeds::Set(uint64_t node, double seconds_per_micro_batch) {
  if (!(seconds_per_micro_batch > 0)) return;
  const auto [known, is_new] = known_.emplace(node, 0);
  if (!is_new) {
    in_order_.erase(in_order_.find(known->second));
    sum_ -= ToFixed(known->second);
  }
  known->second =
      1 / std::clamp(seconds_per_micro_batch, kLeastSeconds, kMostSeconds);
  in_order_.insert(known->second);
  sum_ += ToFixed(known->second);
}

double WorkerSpeeds::Mean() const {
  return known_.empty() ? 1
                        : static_cast<double>(sum_) / kOne /
                              static_cast<double>(known_.size());
}

// What is not known is the mean, and lies between.
double WorkerSpeeds::MostSeconds() const {
  return in_order_.empty() ? 1 : 1 / *in_order_.begin();
}

double WorkerSpeeds::LeastSeconds() const {
  return in_order_.empty() ? 1 : 1 / *in_order_.rbegin();
}

double WorkerSpeeds::Of(uint64_t node) const {
  const auto found = known_.find(node);
  return found == known_.end() ? Mean() : found->second;
}

}  // namespace hawser
