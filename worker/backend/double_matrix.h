// Small row-major matrices of doubles, for slow references.
#ifndef HAWSER_WORKER_BACKEND_DOUBLE_MATRIX_H_
#define HAWSER_WORKER_BACKEND_DOUBLE_MATRIX_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "glog/logging.h"

namespace hawser {

struct DoubleMatrix {
  DoubleMatrix() = default;
  DoubleMatrix(int64_t rows, int64_t columns, double value = 0)
      : rows(rows),
        columns(columns),
        values(static_cast<size_t>(rows * columns), value) {}

  double& operator()(int64_t r, int64_t c) {
    DCHECK(r >= 0 && r < rows && c >= 0 && c < columns);
    return values[static_cast<size_t>(r * columns + c)];
  }
  double operator()(int64_t r, int64_t c) const {
    DCHECK(r >= 0 && r < rows && c >= 0 && c < columns);
    return values[static_cast<size_t>(r * columns + c)];
  }

  // A copy of rows and columns from these on.
  DoubleMatrix Part(int64_t row, int64_t column, int64_t n_rows,
                    int64_t n_columns) const {
    DoubleMatrix part(n_rows, n_columns);
    for (int64_t r = 0; r < n_rows; ++r) {
      for (int64_t c = 0; c < n_columns; ++c) {
        part(r, c) = (*this)(row + r, column + c);
      }
    }
    return part;
  }
  // Adds `part` to the elements from there on.
  void AddPart(int64_t row, int64_t column, const DoubleMatrix& part) {
    for (int64_t r = 0; r < part.rows; ++r) {
      for (int64_t c = 0; c < part.columns; ++c) {
        (*this)(row + r, column + c) += part(r, c);
      }
    }
  }

  friend bool operator==(const DoubleMatrix&, const DoubleMatrix&) = default;

  int64_t rows = 0;
  int64_t columns = 0;
  std::vector<double> values;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_DOUBLE_MATRIX_H_
