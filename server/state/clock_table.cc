#include "server/state/clock_table.h"

namespace hawser {

void ClockTable::Reset(const std::vector<uint64_t>& nodes) {
  clocks_.clear();
  counts_.clear();
  for (const uint64_t node : nodes) clocks_[node] = 0;
  if (!clocks_.empty()) counts_[0] = clocks_.size();
}

bool ClockTable::Advance(uint64_t node, uint64_t clock) {
  uint64_t& known = clocks_.at(node);
  if (clock <= known) return false;
  const uint64_t before = Minimum();
  const auto left = counts_.find(known);
  if (--left->second == 0) counts_.erase(left);
  ++counts_[clock];
  known = clock;
  return Minimum() > before;
}

}  // namespace hawser
