#include "server/state/push_ledger.h"

#include <iterator>

namespace hawser {

PushLedger::PushLedger(const CountedRuns& counted) : floor_(counted.floor()) {
  for (const WorkRun& run : counted.runs()) {
    if (run.count() != 0) Arrive(run.position(), run.count());
  }
}

CountedRuns PushLedger::Counted() const {
  CountedRuns counted;
  counted.set_floor(floor_);
  for (const auto& [first, last] : runs_) {
    WorkRun* run = counted.add_runs();
    run->set_position(first);
    run->set_count(last - first);
  }
  return counted;
}

PushLedger::Verdict PushLedger::Arrive(uint64_t first, uint64_t count) {
  uint64_t last = first + count;
  if (last <= floor_) return Verdict::kRepeat;
  if (first < floor_) return Verdict::kOverlap;
  // The only runs that can touch this one: the next, and the one before it.
  const auto next = runs_.lower_bound(first);
  const auto before = next == runs_.begin() ? runs_.end() : std::prev(next);
  if (before != runs_.end() && before->second > first) {
    return before->second >= last ? Verdict::kRepeat : Verdict::kOverlap;
  }
  if (next != runs_.end() && next->first < last) {
    return next->first == first && next->second >= last ? Verdict::kRepeat
                                                        : Verdict::kOverlap;
  }
  if (runs_.size() >= kMaxRuns) return Verdict::kFull;
  if (next != runs_.end() && next->first == last) {
    last = next->second;
    runs_.erase(next);
  }
  if (first == floor_) {
    floor_ = last;
  } else if (before != runs_.end() && before->second == first) {
    before->second = last;
  } else {
    runs_[first] = last;
  }
  return Verdict::kCount;
}

}  // namespace hawser
