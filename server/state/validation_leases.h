// The chunks of one validation pass, leased out until all are done.
//
// Pure: no locks, no I/O, no clock.
#ifndef HAWSER_SERVER_STATE_VALIDATION_LEASES_H_
#define HAWSER_SERVER_STATE_VALIDATION_LEASES_H_

#include <cstdint>
#include <optional>

#include "server/state/run_pool.h"

namespace hawser {

class ValidationLeases {
 public:
  // chunks: of a pass; 0: there is no validation data.
  explicit ValidationLeases(uint32_t chunks) : chunks_(chunks), pending_(1) {}

  // Begins the pass after `version` steps. False: there is nothing to do, or
  // it has been done.
  bool Start(uint64_t version);
  // Passes after fewer than `version` steps, but for one in progress, are not
  // to be begun.
  void SkipTo(uint64_t version);
  // Begins a pass that is not over anew.
  void StartOver();
  // Goes on where other leases were, which were started over: their version(),
  // and whether they were active().
  void Restore(uint64_t version, bool active);

  bool active() const { return left_ != 0; }
  // Of the last pass begun, or what is skipped.
  uint64_t version() const { return version_; }
  uint32_t chunks() const { return chunks_; }

  // Chunks for one of so many workers, while there are some.
  std::optional<Run> Take(uint64_t workers);
  void GiveBack(Run chunks) { pending_.Add(chunks); }
  void Done(Run chunks) { left_ -= chunks.count; }

 private:
  uint32_t chunks_;
  uint64_t version_ = 0;  // no pass up to it begins any more
  uint64_t left_ = 0;     // not done
  RunPool pending_;       // not leased
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_VALIDATION_LEASES_H_
