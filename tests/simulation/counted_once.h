// That each micro-batch is in the parameters of each block exactly once, where
// pushes are applied on arrival, whatever was lost and rolled back; judged by
// what servers acknowledge.
//
// A block's history is what it had counted when it came to the step that was
// restored, and what it has counted since. It must have no micro-batch twice,
// and in the end all of them:
//
//   - none is counted twice since the same roll-back, nor again of a step
//     before the one that was restored;
//   - when a block came to a step that is restored later, it had counted
//     nothing of later steps: its checkpoint would hold that;
//   - of a job that has ended, every block has counted everything.
//
// A server that was given up, and goes on, may count what the replica that took
// over has counted before: of a copy that is over, that is none twice.
//
// Not thread-safe.
#ifndef HAWSER_TESTS_SIMULATION_COUNTED_ONCE_H_
#define HAWSER_TESTS_SIMULATION_COUNTED_ONCE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/wire/frame.h"
#include "proto/plan.pb.h"

namespace hawser::simulation {

class CountedOnce {
 public:
  // Each returns what does not hold, if anything.

  // A plan with blocks. A job that has a synchronous phase is not looked at.
  std::optional<std::string> Ordered(const Plan& plan);
  // Of a push that is applied on arrival.
  std::optional<std::string> Acknowledged(const FrameHeader& ack);
  std::optional<std::string> Succeeded() const;

 private:
  struct Block {
    uint64_t floor = 0;  // all positions before it are counted
    std::set<uint64_t> beyond;
    // Of each step that it came to: something beyond was counted.
    std::map<uint64_t, bool> was_ahead;
  };
  // Since one roll-back, or the beginning.
  struct History {
    uint64_t step = 0;  // that it began at
    std::map<uint32_t, Block> blocks;
  };

  Block& BlockOf(History* history, uint32_t id) const;
  void Count(uint64_t position, Block* block) const;
  // The server that had the block in this incarnation has it no more.
  bool IsOver(uint64_t incarnation, uint32_t block) const;
  std::optional<std::string> CheckRestored(uint64_t since, uint64_t step) const;

  bool is_on_arrival_ = true;  // all the way
  uint64_t micro_batches_ = 0;
  uint64_t steps_ = 0;
  uint32_t blocks_ = 0;
  std::map<uint64_t, uint64_t> since_;  // blocks_since, by incarnation
  // By incarnation, then by block: the node that has it.
  std::map<uint64_t, std::vector<uint64_t>> holders_;
  std::map<uint64_t, History> histories_;  // by blocks_since
};

}  // namespace hawser::simulation

#endif  // HAWSER_TESTS_SIMULATION_COUNTED_ONCE_H_
