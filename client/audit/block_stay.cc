#include "client/audit/block_stay.h"

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

std::optional<std::string> GapBetween(const BlockStay& before,
                                      const BlockStay& after) {
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
