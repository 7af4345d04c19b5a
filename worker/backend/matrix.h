// Views of row-major matrices, in float32 or bfloat16. They own nothing.
#ifndef HAWSER_WORKER_BACKEND_MATRIX_H_
#define HAWSER_WORKER_BACKEND_MATRIX_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "glog/logging.h"

namespace hawser {

enum class Element { kFloat32, kBfloat16 };

constexpr int64_t BytesOf(Element element) {
  return element == Element::kFloat32 ? 4 : 2;
}

// Elements from row to row at which a matrix of so many columns is best kept:
// rows that start a multiple of 512 bytes apart would share a few of a cache's
// sets and drive one another out; 64 bytes more spread them over all.
constexpr int64_t SpreadStride(int64_t columns, Element element) {
  return columns * BytesOf(element) % 512 == 0 ? columns + 64 / BytesOf(element)
                                               : columns;
}

// The upper half of a float32: the same range, 8 bits of precision.
struct Bfloat16 {
  uint16_t bits;
};

template <typename Byte>
class BasicMatrix {
 public:
  template <typename T>
  using Value = std::conditional_t<std::is_const_v<Byte>, const T, T>;

  BasicMatrix() = default;
  BasicMatrix(Value<float>* data, int64_t rows, int64_t columns)
      : BasicMatrix(data, rows, columns, columns, Element::kFloat32) {}
  BasicMatrix(Value<void>* data, int64_t rows, int64_t columns, int64_t stride,
              Element element)
      : data_(static_cast<Byte*>(data)),
        rows_(rows),
        columns_(columns),
        stride_(stride),
        element_(element) {}

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  int64_t stride() const { return stride_; }  // elements from row to row
  Element element() const { return element_; }
  Value<void>* data() const { return data_; }

  // The elements of row r, as what they are.
  template <typename T>
  Value<T>* Row(int64_t r) const {
    DCHECK_EQ(BytesOf(element_), static_cast<int64_t>(sizeof(T)));
    return reinterpret_cast<Value<T>*>(data_) + r * stride_;
  }

  BasicMatrix Rows(int64_t first, int64_t count) const {
    return At(first, 0, count, columns_);
  }
  BasicMatrix Columns(int64_t first, int64_t count) const {
    return At(0, first, rows_, count);
  }

  // Whatever may be written may be read.
  operator BasicMatrix<const Byte>() const {  // NOLINT: implicit on purpose
    return {data_, rows_, columns_, stride_, element_};
  }

 private:
  BasicMatrix At(int64_t row, int64_t column, int64_t rows,
                 int64_t columns) const {
    DCHECK_LE(row + rows, rows_);
    DCHECK_LE(column + columns, columns_);
    return {data_ + (row * stride_ + column) * BytesOf(element_), rows, columns,
            stride_, element_};
  }

  Byte* data_ = nullptr;
  int64_t rows_ = 0;
  int64_t columns_ = 0;
  int64_t stride_ = 0;
  Element element_ = Element::kFloat32;
};

using Matrix = BasicMatrix<std::byte>;
using ConstMatrix = BasicMatrix<const std::byte>;

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_MATRIX_H_
