#include "tests/simulation/counted_once.h"

#include <iterator>

#include "absl/strings/str_cat.h"

namespace hawser::simulation {

std::optional<std::string> CountedOnce::Ordered(const Plan& plan) {
  for (const Phase& phase : plan.phases()) {
    is_on_arrival_ &= phase.synchronisation().mode() != SYNCHRONOUS;
  }
  if (plan.blocks_size() == 0) return std::nullopt;
  micro_batches_ = plan.spec().schedule().micro_batches();
  steps_ = plan.total_steps();
  blocks_ = static_cast<uint32_t>(plan.blocks_size());
  since_[plan.incarnation()] = plan.blocks_since();
  std::vector<uint64_t>& holders = holders_[plan.incarnation()];
  holders.clear();
  for (const auto& block : plan.blocks()) {
    holders.push_back(plan.servers(static_cast<int>(block.server())).node());
  }
  const uint64_t step = plan.restore().step();
  const auto [history, is_new] = histories_.try_emplace(plan.blocks_since());
  if (!is_new) return std::nullopt;
  history->second.step = step;
  return CheckRestored(plan.blocks_since(), step);
}

CountedOnce::Block& CountedOnce::BlockOf(History* history, uint32_t id) const {
  const auto [block, is_new] = history->blocks.try_emplace(id);
  if (is_new) block->second.floor = history->step * micro_batches_;
  return block->second;
}

void CountedOnce::Count(uint64_t position, Block* block) const {
  block->beyond.insert(position);
  while (block->beyond.erase(block->floor) != 0) {
    ++block->floor;
    if (block->floor % micro_batches_ != 0) continue;
    block->was_ahead.try_emplace(block->floor / micro_batches_,
                                 !block->beyond.empty());
  }
}

bool CountedOnce::IsOver(uint64_t incarnation, uint32_t block) const {
  return holders_.at(incarnation)[block] !=
         std::prev(holders_.end())->second[block];
}

std::optional<std::string> CountedOnce::Acknowledged(const FrameHeader& ack) {
  const auto since = since_.find(ack.incarnation);
  if (!is_on_arrival_ || since == since_.end()) return std::nullopt;
  Block& block = BlockOf(&histories_[since->second], ack.block);
  for (uint64_t p = ack.position; p < ack.position + ack.run; ++p) {
    const bool is_counted = p < block.floor || block.beyond.count(p) != 0;
    if (!is_counted) {
      // A repeat, too: whoever counted it was lost before he said so.
      Count(p, &block);
    } else if ((ack.flags & kRepeated) == 0 &&
               !IsOver(ack.incarnation, ack.block)) {
      return absl::StrCat("block ", ack.block, " counts micro-batch ",
                          p % micro_batches_, " of step ", p / micro_batches_,
                          " twice");
    }
  }
  return std::nullopt;
}

// By each block's last way to the step.
std::optional<std::string> CountedOnce::CheckRestored(uint64_t since,
                                                      uint64_t step) const {
  if (!is_on_arrival_ || step == 0) return std::nullopt;
  for (uint32_t id = 0; id < blocks_; ++id) {
    auto history = histories_.find(since);
    while (history != histories_.begin()) {
      --history;
      const auto block = history->second.blocks.find(id);
      if (block == history->second.blocks.end()) continue;
      const auto reached = block->second.was_ahead.find(step);
      if (reached == block->second.was_ahead.end()) continue;
      if (!reached->second) break;
      return absl::StrCat("step ", step, " is restored; when block ", id,
                          " came to it, pushes of later steps were in it");
    }
  }
  return std::nullopt;
}

std::optional<std::string> CountedOnce::Succeeded() const {
  if (!is_on_arrival_ || histories_.empty()) return std::nullopt;
  const History& history = std::prev(histories_.end())->second;
  if (history.step == steps_) return std::nullopt;
  for (uint32_t id = 0; id < blocks_; ++id) {
    const auto block = history.blocks.find(id);
    const uint64_t floor = block == history.blocks.end()
                               ? history.step * micro_batches_
                               : block->second.floor;
    if (floor == steps_ * micro_batches_) continue;
    return absl::StrCat("the job succeeded, and block ", id,
                        " has not counted micro-batch ", floor % micro_batches_,
                        " of step ", floor / micro_batches_);
  }
  return std::nullopt;
}

}  // namespace hawser::simulation
