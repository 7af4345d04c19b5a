// Which micro-batches of which steps one block has counted, and how many steps
// are complete without a gap from its first on.
//
// Remembers ranges of the steps that are not complete, and of complete ones
// only until those before them are. Not thread-safe.
#ifndef HAWSER_CLIENT_AUDIT_STEP_LEDGER_H_
#define HAWSER_CLIENT_AUDIT_STEP_LEDGER_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"

namespace hawser {

class StepLedger {
 public:
  // Steps before first_step are complete.
  explicit StepLedger(uint64_t micro_batches, uint64_t first_step = 0)
      : micro_batches_(micro_batches), complete_(first_step) {}

  // What a range may do with those counted before in its step.
  enum class Overlap {
    kForbidden,  // have nothing in common with them
    kReplaces,   // or cover some of them entirely and be larger than each
  };

  // Counts micro-batches [first, last) of a step, which must be a range of
  // those of a step. False: some of them had been counted, against `overlap`.
  bool Count(uint64_t step, uint64_t first, uint64_t last, Overlap overlap);

  // Goes on where another one was. Requires that nothing has been counted.
  void StartAt(uint64_t complete) { complete_ = complete; }

  uint64_t complete_steps() const { return complete_; }
  // What is counted of a step that is not complete: ranges, in order.
  std::vector<std::pair<uint64_t, uint64_t>> Open(uint64_t step) const;
  // Those of them of which something is.
  std::vector<uint64_t> OpenSteps() const;
  // Ranges held, of all steps: what the memory is proportional to.
  size_t ranges() const;

 private:
  struct Step {
    absl::btree_map<uint64_t, uint64_t> ranges;  // last, by first; disjoint
    uint64_t counted = 0;                        // micro-batches
  };

  uint64_t micro_batches_;
  uint64_t complete_;
  absl::btree_map<uint64_t, Step> open_;  // from complete_ on
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_AUDIT_STEP_LEDGER_H_
