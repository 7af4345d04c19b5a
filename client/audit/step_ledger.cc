#include "client/audit/step_ledger.h"

#include <algorithm>
#include <iterator>

namespace hawser {

bool StepLedger::Count(uint64_t step, uint64_t first, uint64_t last,
                       Overlap overlap) {
  if (step < complete_) return false;
  Step& open = open_[step];
  bool once = true;
  uint64_t all_first = first, all_last = last;
  auto held = open.ranges.upper_bound(first);
  if (held != open.ranges.begin() && std::prev(held)->second >= first) --held;
  while (held != open.ranges.end() && held->first <= last) {
    const auto [held_first, held_last] = *held;
    const bool neighbour = held_last == first || held_first == last;
    // What may be replaced must be known range by range; else neighbours are
    // made one, so that a step is no more than a few ranges.
    if (neighbour && overlap == Overlap::kReplaces) {
      ++held;
      continue;
    }
    const bool smaller = first <= held_first && held_last <= last &&
                         held_last - held_first < last - first;
    if (!neighbour && !(smaller && overlap == Overlap::kReplaces)) once = false;
    all_first = std::min(all_first, held_first);
    all_last = std::max(all_last, held_last);
    open.counted -= held_last - held_first;
    held = open.ranges.erase(held);
  }
  open.ranges[all_first] = all_last;
  open.counted += all_last - all_first;
  while (!open_.empty() && open_.begin()->first == complete_ &&
         open_.begin()->second.counted == micro_batches_) {
    open_.erase(open_.begin());
    ++complete_;
  }
  return once;
}

std::vector<std::pair<uint64_t, uint64_t>> StepLedger::Open(
    uint64_t step) const {
  const auto open = open_.find(step);
  if (open == open_.end()) return {};
  return {open->second.ranges.begin(), open->second.ranges.end()};
}

std::vector<uint64_t> StepLedger::OpenSteps() const {
  std::vector<uint64_t> steps;
  for (const auto& [step, open] : open_) steps.push_back(step);
  return steps;
}

size_t StepLedger::ranges() const {
  size_t ranges = 0;
  for (const auto& [step, open] : open_) ranges += open.ranges.size();
  return ranges;
}

}  // namespace hawser
