#include "worker/backend/cpu/transpose.h"

#include <algorithm>
#include <cstring>

namespace hawser {
namespace {

// Rows and columns of a tile that registers transpose, and of a square of tiles
// that reads and writes whole cache lines.
constexpr int64_t kTile = 4;
constexpr int64_t kSquare = 16;

using Row = float __attribute__((vector_size(kTile * sizeof(float))));

Row LoadRow(const float* x) {
  Row row;
  std::memcpy(&row, x, sizeof(row));
  return row;
}

void StoreRow(Row row, float* y) { std::memcpy(y, &row, sizeof(row)); }

void TransposeTile(const float* x, int64_t x_stride, float* y,
                   int64_t y_stride) {
  const Row a = LoadRow(x), b = LoadRow(x + x_stride),
            c = LoadRow(x + 2 * x_stride), d = LoadRow(x + 3 * x_stride);
  const Row ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Row ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Row cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Row cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  StoreRow(__builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5), y);
  StoreRow(__builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7), y + y_stride);
  StoreRow(__builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5),
           y + 2 * y_stride);
  StoreRow(__builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7),
           y + 3 * y_stride);
}

// x of at most a square.
void TransposeSquare(ConstMatrix x, Matrix y) {
  if (x.rows() % kTile != 0 || x.columns() % kTile != 0) {
    for (int64_t r = 0; r < x.rows(); ++r) {
      for (int64_t c = 0; c < x.columns(); ++c) {
        y.Row<float>(c)[r] = x.Row<float>(r)[c];
      }
    }
    return;
  }
  for (int64_t r = 0; r < x.rows(); r += kTile) {
    for (int64_t c = 0; c < x.columns(); c += kTile) {
      TransposeTile(x.Row<float>(r) + c, x.stride(), y.Row<float>(c) + r,
                    y.stride());
    }
  }
}

}  // namespace

void CpuTranspose(ConstMatrix x, Matrix y) {
  CHECK_EQ(x.rows(), y.columns());
  CHECK_EQ(x.columns(), y.rows());
  for (int64_t r = 0; r < x.rows(); r += kSquare) {
    const int64_t rows = std::min(kSquare, x.rows() - r);
    for (int64_t c = 0; c < x.columns(); c += kSquare) {
      const int64_t columns = std::min(kSquare, x.columns() - c);
      TransposeSquare(x.Rows(r, rows).Columns(c, columns),
                      y.Rows(c, columns).Columns(r, rows));
    }
  }
}

}  // namespace hawser
