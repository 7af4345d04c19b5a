// What tests hand to a lane's operations: matrices that lie within wider ones,
// amid NaN, so that reading or writing beyond them shows.
#ifndef HAWSER_WORKER_BACKEND_CASES_WORKBENCH_H_
#define HAWSER_WORKER_BACKEND_CASES_WORKBENCH_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <deque>
#include <random>
#include <vector>

#include "worker/backend/double_matrix.h"
#include "worker/backend/matrix.h"

namespace hawser {

// To nearest, ties to even; 24 or 8 bits of precision.
inline double RoundedTo(Element element, double value) {
  if (element == Element::kFloat32 || value == 0) {
    return static_cast<double>(static_cast<float>(value));
  }
  int exponent = 0;
  const double mantissa =
      std::frexp(static_cast<double>(static_cast<float>(value)), &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(mantissa, 8)), exponent - 8);
}

inline DoubleMatrix RoundedTo(Element element, DoubleMatrix x) {
  for (double& value : x.values) value = RoundedTo(element, value);
  return x;
}

// Normal, of this deviation, rounded.
inline DoubleMatrix RandomMatrix(int64_t rows, int64_t columns, Element element,
                                 std::mt19937* random, double deviation = 1) {
  DoubleMatrix x(rows, columns);
  std::normal_distribution<double> normal(0, deviation);
  for (double& value : x.values) value = RoundedTo(element, normal(*random));
  return x;
}

inline DoubleMatrix ValuesOf(ConstMatrix x) {
  DoubleMatrix values(x.rows(), x.columns());
  for (int64_t r = 0; r < x.rows(); ++r) {
    for (int64_t c = 0; c < x.columns(); ++c) {
      float value = 0;
      if (x.element() == Element::kFloat32) {
        value = x.Row<float>(r)[c];
      } else {
        const uint32_t bits = uint32_t{x.Row<Bfloat16>(r)[c].bits} << 16;
        std::memcpy(&value, &bits, sizeof(value));
      }
      values(r, c) = static_cast<double>(value);
    }
  }
  return values;
}

class Workbench {
 public:
  // margin: elements beside each row that are not the matrix's.
  explicit Workbench(int64_t margin) : margin_(margin) {}

  // A matrix to write: NaN.
  Matrix Make(int64_t rows, int64_t columns, Element element) {
    const int64_t stride = columns + 2 * margin_;
    memory_.emplace_back(
        static_cast<size_t>((rows * stride + 2 * kGuard) * BytesOf(element)),
        kBlank);
    const Matrix made(
        memory_.back().data() + (kGuard + margin_) * BytesOf(element), rows,
        columns, stride, element);
    made_.push_back(made);
    return made;
  }

  // A matrix of these values, which the element must hold exactly.
  Matrix Make(const DoubleMatrix& values, Element element) {
    const Matrix made = Make(values.rows, values.columns, element);
    for (int64_t r = 0; r < values.rows; ++r) {
      for (int64_t c = 0; c < values.columns; ++c) {
        CHECK_EQ(RoundedTo(element, values(r, c)), values(r, c));
        const auto value = static_cast<float>(values(r, c));
        if (element == Element::kFloat32) {
          made.Row<float>(r)[c] = value;
        } else {
          uint32_t bits = 0;
          std::memcpy(&bits, &value, sizeof(bits));
          made.Row<Bfloat16>(r)[c].bits = static_cast<uint16_t>(bits >> 16);
        }
      }
    }
    return made;
  }

  // [1, n] in float32.
  float* MakeVector(const DoubleMatrix& values) {
    return Make(values, Element::kFloat32).Row<float>(0);
  }

  // Whether nothing was written but the matrices themselves.
  bool Intact() const {
    for (size_t i = 0; i < made_.size(); ++i) {
      std::vector<std::byte> around = memory_[i];
      const int64_t bytes = BytesOf(made_[i].element());
      for (int64_t r = 0; r < made_[i].rows(); ++r) {
        std::fill_n(
            around.begin() + (kGuard + margin_ + r * made_[i].stride()) * bytes,
            made_[i].columns() * bytes, kBlank);
      }
      if (std::any_of(around.begin(), around.end(),
                      [](std::byte b) { return b != kBlank; })) {
        return false;
      }
    }
    return true;
  }

 private:
  static constexpr std::byte kBlank{0xff};
  static constexpr int64_t kGuard = 64;  // elements before and after

  const int64_t margin_;
  std::deque<std::vector<std::byte>> memory_;
  std::vector<Matrix> made_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CASES_WORKBENCH_H_
