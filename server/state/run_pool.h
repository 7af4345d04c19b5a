// Work that nobody has been leased: runs of micro-batches, counted through all
// steps (position = step * M + micro-batch).
//
// What comes back is kept as it was cut and never joined to its neighbours, so
// that a run that is leased again lies within one that was leased before: a
// block has counted all of it or nothing (see push_ledger.h).
//
// Pure: no locks, no I/O, no clock.
#ifndef HAWSER_SERVER_STATE_RUN_POOL_H_
#define HAWSER_SERVER_STATE_RUN_POOL_H_

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace hawser {

struct Run {
  uint64_t position = 0;
  uint64_t count = 0;
  uint64_t end() const { return position + count; }
  friend bool operator==(const Run&, const Run&) = default;
};

class RunPool {
 public:
  explicit RunPool(uint64_t micro_batches) : micro_batches_(micro_batches) {}

  // Adds work, new or come back. Requires count > 0, and nothing of it here.
  void Add(Run run);

  // Where the first micro-batches are.
  std::optional<uint64_t> first() const {
    return pieces_.empty() ? std::nullopt
                           : std::optional(pieces_.begin()->first);
  }
  // The first micro-batches there are, one run of at most `most`.
  std::optional<Run> Take(uint64_t most);

  // The first run, at or after `from` and before `before`, within the
  // micro-batches [first, last) of one step.
  std::optional<Run> TakeOf(uint64_t first, uint64_t last, uint64_t from,
                            uint64_t before);

  // Forgets everything from `end` on.
  void Trim(uint64_t end);

  // In order, as they are cut.
  std::vector<Run> Runs() const;

  uint64_t size() const { return size_; }  // micro-batches
  void Clear();

 private:
  // Cuts `taken` out of the piece that holds it.
  void Cut(std::map<uint64_t, uint64_t>::iterator piece, Run taken);

  uint64_t micro_batches_;
  std::map<uint64_t, uint64_t> pieces_;  // position to end
  uint64_t size_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_SERVER_STATE_RUN_POOL_H_
