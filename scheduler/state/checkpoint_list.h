// The committed checkpoints of a job, and which of them its keep policy
// (CheckpointSpec.keep_last, keep_every_steps) lets go.
//
// Kept in any case: the newest one, and those that somebody holds. At most
// kMost are remembered; older ones are forgotten, and stay on the disk.
//
// Pure.
#ifndef HAWSER_SCHEDULER_STATE_CHECKPOINT_LIST_H_
#define HAWSER_SCHEDULER_STATE_CHECKPOINT_LIST_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "absl/time/time.h"
#include "proto/job.pb.h"
#include "proto/journal.pb.h"

namespace hawser {

class CheckpointList {
 public:
  static constexpr size_t kMost = 1000;

  struct Checkpoint {
    CheckpointCommitted event;  // without its files
    uint64_t bytes = 0;         // of all its files
    uint32_t files = 0;
    absl::Time committed;
  };

  // In place of one of the same step, if there is one.
  void Commit(const CheckpointCommitted& event, absl::Time now);
  // Nothing happens if there is none of that step.
  void Drop(uint64_t step);

  // By step, which is the order of age.
  const std::map<uint64_t, Checkpoint>& all() const { return checkpoints_; }
  // Null: there is none.
  const Checkpoint* Newest() const;
  const Checkpoint* BeforeNewest() const;
  const Checkpoint* Find(uint64_t step) const;

  // The reasons for which a checkpoint stays, in the order in which they are
  // looked at.
  enum class Kept { kNot, kNewest, kAll, kLast, kMultiple };
  Kept WhyKept(uint64_t step, const CheckpointSpec& policy) const;

  // The oldest that the policy does not keep and nobody holds, if any.
  std::optional<uint64_t> Surplus(
      const CheckpointSpec& policy,
      const std::function<bool(uint64_t step)>& is_held) const;

 private:
  std::map<uint64_t, Checkpoint> checkpoints_;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_CHECKPOINT_LIST_H_
