// A block's time at one server: what it had counted when it came there and when
// it left, and whether the stays of a block follow each other without a gap.
//
// Pure. Not thread-safe.
#ifndef HAWSER_CLIENT_AUDIT_BLOCK_STAY_H_
#define HAWSER_CLIENT_AUDIT_BLOCK_STAY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/audit/record.h"

namespace hawser {

struct BlockStay {
  struct Counted {
    uint64_t steps = 0;
    // Of later steps, through all steps; neighbours are one.
    std::vector<std::pair<uint64_t, uint64_t>> ranges;
    // The last of the steps may be counted whole, and not made.
    bool last_is_synchronous = false;

    void Add(uint64_t first, uint64_t last);
    // All that `other` has, in steps of so many micro-batches.
    bool Covers(const Counted& other, uint64_t micro_batches) const;
  };

  uint64_t since = 0;  // incarnation; 0: from the beginning
  uint64_t server = 0;
  std::string file;  // and line, where it says that the block came
  uint64_t line = 0;
  bool is_rolled_back = false;  // it came with what a checkpoint had of it
  // It was the other copy of a block, whose server was lost and may not have
  // written its last records.
  bool takes_over = false;
  Counted came;
  Counted left;
  // Of each step that became complete here, in order, a bit: pushes of later
  // steps had been counted then.
  std::vector<bool> ahead;
};

// Whether the checkpoint that a roll-back, the beginning of stays[number],
// restored held pushes of later steps, which count once more after it. Of the
// stays before, in order, the last one in which the block came to the step says
// so. False, too, if a server was lost before it had written that.
bool RestoredAhead(const std::vector<BlockStay>& stays, size_t number);

// What is wrong between two stays of a block, one after the other, if anything:
// a sentence. micro_batches: of a step.
std::optional<std::string> GapBetween(const BlockStay& before,
                                      const BlockStay& after,
                                      uint64_t micro_batches);

}  // namespace hawser

#endif  // HAWSER_CLIENT_AUDIT_BLOCK_STAY_H_
