// A payload that is a sequence of cells of one size, the last one perhaps
// shorter, and that lies in pieces cut anywhere: walked in order, where it
// lies.
#ifndef HAWSER_COMMON_CODEC_CELLS_H_
#define HAWSER_COMMON_CODEC_CELLS_H_

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "common/wire/frame.h"

namespace hawser {

// Calls visit(first, bytes, count) for each run of `count` bytes, unaligned,
// that begins at byte `first` of the payload: whole cells, but for the end of
// the last run. A cell that is cut is put together and visited alone.
template <size_t kCellBytes, typename Visit>
void ForEachCellRun(PayloadPieces pieces, Visit visit) {
  char carried[kCellBytes];
  size_t carried_bytes = 0;
  size_t position = 0;
  for (absl::Span<const char> piece : pieces) {
    if (piece.empty()) continue;
    if (carried_bytes != 0) {
      const size_t missing = std::min(kCellBytes - carried_bytes, piece.size());
      std::memcpy(carried + carried_bytes, piece.data(), missing);
      carried_bytes += missing;
      piece.remove_prefix(missing);
      if (carried_bytes < kCellBytes) continue;
      visit(position, static_cast<const char*>(carried), kCellBytes);
      position += kCellBytes;
      carried_bytes = 0;
    }
    const size_t whole = piece.size() / kCellBytes * kCellBytes;
    if (whole != 0) visit(position, piece.data(), whole);
    position += whole;
    piece.remove_prefix(whole);
    if (piece.empty()) continue;
    std::memcpy(carried, piece.data(), piece.size());
    carried_bytes = piece.size();
  }
  if (carried_bytes != 0) {
    visit(position, static_cast<const char*>(carried), carried_bytes);
  }
}

}  // namespace hawser

#endif  // HAWSER_COMMON_CODEC_CELLS_H_
