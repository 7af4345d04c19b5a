// The clocks of the workers that push to one block: how many pushes each has
// completed, and their minimum.
//
// Pure: no locks, no I/O.
#ifndef HAWSER_SERVER_STATE_CLOCK_TABLE_H_
#define HAWSER_SERVER_STATE_CLOCK_TABLE_H_

#include <cstdint>
#include <map>
#include <vector>

namespace hawser {

class ClockTable {
 public:
  // Everybody starts at clock 0.
  void Reset(const std::vector<uint64_t>& nodes);

  bool Contains(uint64_t node) const { return clocks_.count(node) != 0; }

  // The node has completed its pushes below `clock`. A clock never falls.
  // Requires Contains(node). Returns true if the minimum has risen.
  bool Advance(uint64_t node, uint64_t clock);

  // Of all nodes; 0 without any.
  uint64_t Minimum() const {
    return counts_.empty() ? 0 : counts_.begin()->first;
  }

  // By node.
  const std::map<uint64_t, uint64_t>& clocks() const { return clocks_; }

 private:
  std::map<uint64_t, uint64_t> clocks_;
  std::map<uint64_t, uint64_t> counts_;  // nodes at each clock
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_CLOCK_TABLE_H_
