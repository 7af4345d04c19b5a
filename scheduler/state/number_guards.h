// What workers tell of numbers that are not what they should be, and what the
// job's guards (GuardsSpec) make of it. Everything may be told more than once.
//
// Pure. Soft: a restarted scheduler knows nothing of what was told before.
#ifndef HAWSER_SCHEDULER_STATE_NUMBER_GUARDS_H_
#define HAWSER_SCHEDULER_STATE_NUMBER_GUARDS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "proto/job.pb.h"
#include "proto/scheduler.pb.h"

namespace hawser {

class NumberGuards {
 public:
  // Of each kind; the oldest steps are forgotten first.
  static constexpr size_t kMaxKept = 1000;

  explicit NumberGuards(const GuardsSpec& spec) : spec_(spec) {}

  struct Finding {
    std::string text;
    bool ends_job = false;
  };

  // Nothing: it is known.
  std::optional<Finding> Take(uint64_t worker, const NotFinite& found);
  // Nothing: nobody has told another digest of the micro-batch.
  std::optional<Finding> Take(uint64_t worker, const MicroBatchDigest& digest);

  // The steps from this one on are made again; with other bits, where pushes
  // are applied on arrival.
  void RollBack(uint64_t step) {
    digests_.erase(digests_.lower_bound({step, 0}), digests_.end());
  }

  // Micro-batches whose gradient was not finite.
  uint64_t micro_batches_not_finite() const { return not_finite_; }

 private:
  using MicroBatch = std::pair<uint64_t, uint32_t>;  // step, number
  struct Told {
    uint64_t worker = 0;
    uint32_t crc32c = 0;
  };

  const GuardsSpec spec_;
  uint64_t not_finite_ = 0;
  std::map<MicroBatch, Told> void_;
  std::map<MicroBatch, Told> digests_;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_NUMBER_GUARDS_H_
