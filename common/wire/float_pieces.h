// Floats that lie in pieces cut anywhere, even inside a float: walked in order
// as runs of whole floats, so that they can be used where they lie.
#ifndef HAWSER_COMMON_WIRE_FLOAT_PIECES_H_
#define HAWSER_COMMON_WIRE_FLOAT_PIECES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "common/wire/frame.h"

namespace hawser {

// Calls visit(first, bytes, count) for each run: `count` floats that start at
// element `first` and lie, perhaps unaligned, at `bytes`. Requires whole floats
// in total. A float that is cut is put together and visited alone.
template <typename Visit>
void ForEachFloatRun(PayloadPieces pieces, Visit visit) {
  char carried[sizeof(float)];
  size_t carried_bytes = 0;
  int64_t element = 0;
  for (absl::Span<const char> piece : pieces) {
    if (piece.empty()) continue;
    if (carried_bytes != 0) {
      const size_t missing =
          std::min(sizeof(float) - carried_bytes, piece.size());
      std::memcpy(carried + carried_bytes, piece.data(), missing);
      carried_bytes += missing;
      piece.remove_prefix(missing);
      if (carried_bytes < sizeof(float)) continue;
      visit(element, static_cast<const char*>(carried), int64_t{1});
      ++element;
      carried_bytes = 0;
    }
    const auto whole = static_cast<int64_t>(piece.size() / sizeof(float));
    if (whole != 0) visit(element, piece.data(), whole);
    element += whole;
    piece.remove_prefix(static_cast<size_t>(whole) * sizeof(float));
    std::memcpy(carried, piece.data(), piece.size());
    carried_bytes = piece.size();
  }
}

}  // namespace hawser

#endif  // HAWSER_COMMON_WIRE_FLOAT_PIECES_H_
