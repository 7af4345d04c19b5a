// Which micro-batches have been counted in one block where each push is applied
// on arrival: every micro-batch counts once, however often it is pushed.
// Micro-batches are positions, counted through all steps.
//
//   Arrive(run), none of it counted yet -> kCount; it is counted from now on
//   Arrive(run), all of it counted      -> kRepeat
//   Arrive(run), some of it counted     -> kOverlap: no worker that follows the
//                                          protocol sends it
//
// The counted positions are [0, floor) and disjoint runs above it.
//
// A block that moves to another server takes its ledger along.
//
// Pure: no locks, no I/O, no clock.
#ifndef HAWSER_SERVER_STATE_PUSH_LEDGER_H_
#define HAWSER_SERVER_STATE_PUSH_LEDGER_H_

#include <cstddef>
#include <cstdint>
#include <map>

#include "proto/parameter_server.pb.h"

namespace hawser {

class PushLedger {
 public:
  enum class Verdict { kCount, kRepeat, kOverlap, kFull };

  // Most runs that are kept apart.
  static constexpr size_t kMaxRuns = 1 << 20;

  explicit PushLedger(uint64_t floor) : floor_(floor) {}
  // One that has counted what another one had; see Counted.
  explicit PushLedger(const CountedRuns& counted);

  // Positions [first, first + count). Requires count > 0.
  Verdict Arrive(uint64_t first, uint64_t count);

  CountedRuns Counted() const;

  // Every position below it has been counted.
  uint64_t floor() const { return floor_; }
  // No position from here on has been counted.
  uint64_t ceiling() const {
    return runs_.empty() ? floor_ : runs_.rbegin()->second;
  }

 private:
  uint64_t floor_;
  std::map<uint64_t, uint64_t> runs_;  // first to last, apart from each other
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_PUSH_LEDGER_H_
