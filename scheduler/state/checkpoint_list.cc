#include "scheduler/state/checkpoint_list.h"

#include <iterator>
#include <utility>

namespace hawser {
namespace {

bool IsMultiple(uint64_t step, const CheckpointSpec& policy) {
  return policy.keep_every_steps() != 0 &&
         step % policy.keep_every_steps() == 0;
}

}  // namespace

void CheckpointList::Commit(const CheckpointCommitted& event, absl::Time now) {
  Checkpoint checkpoint;
  checkpoint.event = event;
  checkpoint.event.clear_files();
  checkpoint.files = static_cast<uint32_t>(event.files_size());
  for (const CheckpointWritten& file : event.files()) {
    checkpoint.bytes += file.bytes();
  }
  checkpoint.committed = now;
  checkpoints_.insert_or_assign(event.step(), std::move(checkpoint));
  if (checkpoints_.size() > kMost) checkpoints_.erase(checkpoints_.begin());
}

void CheckpointList::Drop(uint64_t step) { checkpoints_.erase(step); }

const CheckpointList::Checkpoint* CheckpointList::Newest() const {
  return checkpoints_.empty() ? nullptr : &checkpoints_.rbegin()->second;
}

const CheckpointList::Checkpoint* CheckpointList::BeforeNewest() const {
  return checkpoints_.size() < 2 ? nullptr
                                 : &std::next(checkpoints_.rbegin())->second;
}

const CheckpointList::Checkpoint* CheckpointList::Find(uint64_t step) const {
  const auto found = checkpoints_.find(step);
  return found == checkpoints_.end() ? nullptr : &found->second;
}

CheckpointList::Kept CheckpointList::WhyKept(
    uint64_t step, const CheckpointSpec& policy) const {
  const auto found = checkpoints_.find(step);
  if (found == checkpoints_.end()) return Kept::kNot;
  if (std::next(found) == checkpoints_.end()) return Kept::kNewest;
  if (policy.keep_last() == 0) return Kept::kAll;
  if (IsMultiple(step, policy)) return Kept::kMultiple;
  uint32_t last = 0;
  for (auto it = checkpoints_.rbegin();
       it != checkpoints_.rend() && last < policy.keep_last(); ++it, ++last) {
    if (it->first == step) return Kept::kLast;
  }
  return Kept::kNot;
}

std::optional<uint64_t> CheckpointList::Surplus(
    const CheckpointSpec& policy,
    const std::function<bool(uint64_t step)>& is_held) const {
  if (policy.keep_last() == 0) return std::nullopt;
  if (checkpoints_.size() <= policy.keep_last()) return std::nullopt;
  size_t others = checkpoints_.size() - policy.keep_last();
  for (auto it = checkpoints_.begin(); others != 0; ++it, --others) {
    if (IsMultiple(it->first, policy)) continue;
    if (!is_held(it->first)) return it->first;
  }
  return std::nullopt;
}

}  // namespace hawser
