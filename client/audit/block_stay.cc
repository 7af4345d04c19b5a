#include "client/audit/block_stay.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace hawser {
namespace {

std::string Text(const BlockStay::Counted& counted) {
  return absl::StrCat(
      counted.steps, " steps",
      counted.ranges.empty()
          ? ""
          : absl::StrCat(" and ", absl::StrJoin(counted.ranges, ", ",
                                                absl::PairFormatter(" to "))));
}

}  // namespace

void BlockStay::Counted::Add(uint64_t first, uint64_t last) {
  if (!ranges.empty() && ranges.back().second == first) {
    ranges.back().second = last;
  } else {
    ranges.emplace_back(first, last);
  }
}

bool BlockStay::Counted::Covers(const Counted& other,
                                uint64_t micro_batches) const {
  // Its last step may be made again.
  const uint64_t made =
      other.steps - (other.last_is_synchronous && other.steps > 0 ? 1 : 0);
  if (steps < made) return false;
  const uint64_t end = steps * micro_batches;
  return std::all_of(
      other.ranges.begin(), other.ranges.end(), [&](const auto& range) {
        const uint64_t first = std::max(range.first, end);
        return range.second <= first ||
               std::any_of(ranges.begin(), ranges.end(), [&](const auto& mine) {
                 return mine.first <= first && range.second <= mine.second;
               });
      });
}

bool RestoredAhead(const std::vector<BlockStay>& stays, size_t number) {
  const uint64_t step = stays[number].came.steps;
  bool is_beyond = false;  // in a later stay, since the same roll-back
  for (size_t i = number; i-- > 0;) {
    const BlockStay& stay = stays[i];
    if (stay.came.steps < step && step <= stay.left.steps) {
      return stay.ahead[step - stay.came.steps - 1];
    }
    if (stay.came.steps < step && is_beyond) return false;
    is_beyond = stay.came.steps >= step && !stay.is_rolled_back;
  }
  return false;
}

std::optional<std::string> GapBetween(const BlockStay& before,
                                      const BlockStay& after,
                                      uint64_t micro_batches) {
  if (after.takes_over && after.came.Covers(before.left, micro_batches)) {
    return std::nullopt;
  }
  // A synchronous step that was counted whole waited for the norms of other
  // blocks, and is made again.
  const bool made_again = before.left.last_is_synchronous &&
                          after.came.steps + 1 == before.left.steps &&
                          after.came.ranges.empty();
  if (made_again || (after.came.steps == before.left.steps &&
                     after.came.ranges == before.left.ranges)) {
    return std::nullopt;
  }
  return absl::StrCat("came to server ", after.server, " with ",
                      Text(after.came), " counted, and left server ",
                      before.server, " with ", Text(before.left));
}

}  // namespace hawser
