#include "server/state/staleness_gate.h"

namespace hawser {

void StalenessGate::Reset(const std::vector<uint64_t>& nodes,
                          std::optional<uint64_t> staleness) {
  clocks_.Reset(nodes);
  staleness_ = staleness;
  parked_.clear();
}

StalenessGate::Verdict StalenessGate::Request(uint64_t node, uint64_t clock,
                                              uint64_t token) {
  if (!Advance(node, clock)) return Verdict::kUnknown;
  if (!staleness_.has_value() || clock <= *staleness_) return Verdict::kServe;
  const uint64_t needed = clock - *staleness_;
  if (clocks_.Minimum() >= needed) return Verdict::kServe;
  if (parked_.size() == kMaxParked) return Verdict::kFull;
  parked_.emplace(needed, token);
  return Verdict::kPark;
}

bool StalenessGate::Advance(uint64_t node, uint64_t clock) {
  if (!clocks_.Contains(node)) return false;
  clocks_.Advance(node, clock);
  return true;
}

std::vector<uint64_t> StalenessGate::Released() {
  std::vector<uint64_t> released;
  const auto end = parked_.upper_bound(clocks_.Minimum());
  for (auto it = parked_.begin(); it != end; ++it) {
    released.push_back(it->second);
  }
  parked_.erase(parked_.begin(), end);
  return released;
}

std::vector<uint64_t> StalenessGate::Dismiss() {
  std::vector<uint64_t> dismissed;
  for (const auto& [needed, token] : parked_) dismissed.push_back(token);
  parked_.clear();
  return dismissed;
}

}  // namespace hawser
