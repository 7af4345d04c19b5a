// Keys and when each is due, the first of them at hand: what happens next among
// many is found without a look at all of them. Set and Remove take O(log n),
// First is at hand.
//
// Pure: time is an argument.
#ifndef HAWSER_SCHEDULER_STATE_DEADLINES_H_
#define HAWSER_SCHEDULER_STATE_DEADLINES_H_

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace hawser {

class Deadlines {
 public:
  // In place of the key's deadline before, if it had one.
  void Set(uint64_t key, absl::Time deadline) {
    Remove(key);
    deadlines_[key] = deadline;
    in_order_.emplace(deadline, key);
  }

  void Remove(uint64_t key) {
    const auto found = deadlines_.find(key);
    if (found == deadlines_.end()) return;
    in_order_.erase({found->second, key});
    deadlines_.erase(found);
  }

  // InfiniteFuture: there is none.
  absl::Time First() const {
    return in_order_.empty() ? absl::InfiniteFuture()
                             : in_order_.begin()->first;
  }

  // Removes and returns the keys whose time has come, the earliest first.
  std::vector<uint64_t> TakeDue(absl::Time now) {
    std::vector<uint64_t> due;
    while (First() <= now && !in_order_.empty()) {
      due.push_back(in_order_.begin()->second);
      Remove(due.back());
    }
    return due;
  }

 private:
  std::map<uint64_t, absl::Time> deadlines_;
  std::set<std::pair<absl::Time, uint64_t>> in_order_;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_DEADLINES_H_
