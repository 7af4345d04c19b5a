#include "server/state/run_pool.h"

#include <algorithm>
#include <iterator>

namespace hawser {

void RunPool::Add(Run run) {
  pieces_[run.position] = run.end();
  size_ += run.count;
}

std::optional<Run> RunPool::Take(uint64_t most) {
  if (pieces_.empty()) return std::nullopt;
  const auto piece = pieces_.begin();
  const Run taken = {piece->first,
                     std::min(most, piece->second - piece->first)};
  Cut(piece, taken);
  return taken;
}

std::optional<Run> RunPool::TakeOf(uint64_t first, uint64_t last, uint64_t from,
                                   uint64_t before) {
  auto piece = pieces_.lower_bound(from);
  if (piece != pieces_.begin() && std::prev(piece)->second > from) --piece;
  for (; piece != pieces_.end() && piece->first < before; ++piece) {
    const uint64_t piece_end = std::min(piece->second, before);
    uint64_t step = std::max(piece->first, from) / micro_batches_;
    for (; step * micro_batches_ + first < piece_end; ++step) {
      const uint64_t begin =
          std::max({piece->first, from, step * micro_batches_ + first});
      const uint64_t end = std::min(piece_end, step * micro_batches_ + last);
      if (begin >= end) continue;
      const Run taken = {begin, end - begin};
      Cut(piece, taken);
      return taken;
    }
  }
  return std::nullopt;
}

void RunPool::Cut(std::map<uint64_t, uint64_t>::iterator piece, Run taken) {
  const uint64_t end = piece->second;
  if (taken.position == piece->first) {
    pieces_.erase(piece);
  } else {
    piece->second = taken.position;
  }
  if (taken.end() < end) pieces_[taken.end()] = end;
  size_ -= taken.count;
}

void RunPool::Trim(uint64_t end) {
  while (!pieces_.empty() && pieces_.rbegin()->second > end) {
    const auto piece = std::prev(pieces_.end());
    const uint64_t kept = std::max(end, piece->first);
    size_ -= piece->second - kept;
    piece->second = kept;
    if (piece->first == kept) pieces_.erase(piece);
  }
}

std::vector<Run> RunPool::Runs() const {
  std::vector<Run> runs;
  for (const auto& [position, end] : pieces_) {
    runs.push_back({position, end - position});
  }
  return runs;
}

void RunPool::Clear() {
  pieces_.clear();
  size_ = 0;
}

}  // namespace hawser
