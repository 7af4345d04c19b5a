#include "common/huggingface/tensor_reader.h"

#include <algorithm>
#include <vector>

#include "common/status_macros.h"

namespace hawser {
namespace {

// Columns that are read before they are put where they belong: a cache line of
// each row.
constexpr uint64_t kTile = 16;

// Elements [first, first + out.size()) of the piece as Hawser orders them: rows
// of `columns` elements. Stored row c holds column c.
absl::Status ReadTransposed(const SafetensorsSet& files,
                            const TensorPiece& piece, uint64_t columns,
                            uint64_t first, absl::Span<float> out) {
  const uint64_t end = first + out.size();
  const uint64_t first_row = first / columns;
  const uint64_t rows = (end - 1) / columns + 1 - first_row;
  std::vector<float> tile(kTile * rows);
  for (uint64_t column = 0; column < columns; column += kTile) {
    const uint64_t width = std::min(kTile, columns - column);
    for (uint64_t c = 0; c < width; ++c) {
      RETURN_IF_ERROR(
          files.ReadRange(piece.name, (column + c) * piece.rows + first_row,
                          absl::MakeSpan(tile).subspan(c * rows, rows)));
    }
    for (uint64_t r = 0; r < rows; ++r) {
      for (uint64_t c = 0; c < width; ++c) {
        const uint64_t element = (first_row + r) * columns + column + c;
        if (element < first || element >= end) continue;  // of a partial row
        out[element - first] = tile[c * rows + r];
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadTensor(const SafetensorsSet& files, const MappedTensor& tensor,
                        uint64_t first, absl::Span<float> out) {
  const uint64_t end = first + out.size();
  uint64_t begin = 0;  // of the piece
  for (const TensorPiece& piece : tensor.pieces) {
    const uint64_t piece_end = begin + piece.rows * tensor.columns;
    const uint64_t from = std::max(first, begin);
    const uint64_t to = std::min(end, piece_end);
    if (from < to) {
      const auto part = out.subspan(from - first, to - from);
      RETURN_IF_ERROR(
          piece.transposed
              ? ReadTransposed(files, piece, tensor.columns, from - begin, part)
              : files.ReadRange(piece.name, from - begin, part));
    }
    begin = piece_end;
  }
  return absl::OkStatus();
}

}  // namespace hawser
