// When may a read proceed where each push is applied on arrival: stale
// synchronous parallel (Ho et al., NIPS 2013). A worker at clock c reads
// parameters that contain every worker's pushes up to clock c - s - 1: the read
// waits until every clock is at least c - s. Without a bound it never waits.
//
//   Request(node, c): minimum >= c - s -> kServe
//                     otherwise        -> kPark until Advance lets it go
//
// A request at clock c says that the worker's own pushes below c are over: they
// came before it on the same stream, or do not exist.
//
// Pure: tokens stand for the parked requests.
#ifndef HAWSER_SERVER_STATE_STALENESS_GATE_H_
#define HAWSER_SERVER_STATE_STALENESS_GATE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "server/state/clock_table.h"

namespace hawser {

class StalenessGate {
 public:
  enum class Verdict {
    kServe,
    kPark,
    kUnknown,  // the node is not one of the workers
    kFull,     // too many are parked
  };

  // Most requests parked at once.
  static constexpr size_t kMaxParked = 1 << 16;

  // staleness: s; nothing: no bound. Parked tokens are forgotten.
  void Reset(const std::vector<uint64_t>& nodes,
             std::optional<uint64_t> staleness);

  // The token is kept only for kPark. May let others go: see Released.
  Verdict Request(uint64_t node, uint64_t clock, uint64_t token);

  // The node has completed its pushes below `clock`; false: it is unknown.
  bool Advance(uint64_t node, uint64_t clock);

  // Tokens that may proceed since the last call, the least clocks first.
  std::vector<uint64_t> Released();

  // The parked tokens, which are forgotten.
  std::vector<uint64_t> Dismiss();

  const ClockTable& clocks() const { return clocks_; }

 private:
  ClockTable clocks_;
  std::optional<uint64_t> staleness_;
  std::multimap<uint64_t, uint64_t> parked_;  // by the minimum they wait for
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_STALENESS_GATE_H_
