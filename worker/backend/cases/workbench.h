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
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "worker/backend/backend.h"
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
  // margin: elements beside each row that are not the matrix's. backend: whose
  // lanes work on what is made; outlives it.
  Workbench(int64_t margin, Backend* backend)
      : margin_(margin), backend_(backend) {}

  // A matrix to write: NaN.
  Matrix Make(int64_t rows, int64_t columns, Element element) {
    Piece piece = Blank(rows, columns, element);
    return Keep(std::move(piece));
  }

  // A matrix of these values, which the element must hold exactly.
  Matrix Make(const DoubleMatrix& values, Element element) {
    Piece piece = Blank(values.rows, values.columns, element);
    const Matrix made = piece.Within(piece.host.data());
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
    return Keep(std::move(piece));
  }

  // [1, n] in float32.
  float* MakeVector(const DoubleMatrix& values) {
    return static_cast<float*>(Make(values, Element::kFloat32).data());
  }
  // The same, to write.
  float* MakeVector(int64_t n) {
    return static_cast<float*>(Make(1, n, Element::kFloat32).data());
  }

  absl::Span<const int32_t> MakeTokens(const std::vector<int32_t>& tokens) {
    // What is copied is bits.
    Piece piece =
        Blank(1, static_cast<int64_t>(tokens.size()), Element::kFloat32);
    std::memcpy(piece.Within(piece.host.data()).data(), tokens.data(),
                tokens.size() * sizeof(int32_t));
    return {static_cast<const int32_t*>(Keep(std::move(piece)).data()),
            tokens.size()};
  }

  // What lanes have made of it.
  DoubleMatrix ValuesOf(ConstMatrix x) const {
    if (x.rows() == 0 || x.columns() == 0) return {x.rows(), x.columns()};
    std::vector<std::byte> host(static_cast<size_t>(
        ((x.rows() - 1) * x.stride() + x.columns()) * BytesOf(x.element())));
    Fetch(x.data(), &host);
    return hawser::ValuesOf(ConstMatrix(host.data(), x.rows(), x.columns(),
                                        x.stride(), x.element()));
  }
  DoubleMatrix ValuesOf(const float* vector, int64_t rows,
                        int64_t columns) const {
    return ValuesOf(ConstMatrix(vector, rows, columns));
  }

  // Whether nothing was written but the matrices themselves.
  bool Intact() const {
    for (const Piece& piece : pieces_) {
      std::vector<std::byte> around(piece.host.size());
      Fetch(piece.memory.get(), &around);
      const Matrix made = piece.Within(around.data());
      for (int64_t r = 0; r < made.rows(); ++r) {
        std::fill_n(static_cast<std::byte*>(made.Rows(r, 1).data()),
                    made.columns() * BytesOf(made.element()), kBlank);
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

  struct Piece {
    std::vector<std::byte> host;  // as it was made
    BackendMemory memory;
    int64_t rows, columns, stride, margin;
    Element element;
    Matrix Within(void* start) const {
      return {
          static_cast<std::byte*>(start) + (kGuard + margin) * BytesOf(element),
          rows, columns, stride, element};
    }
  };

  Piece Blank(int64_t rows, int64_t columns, Element element) const {
    Piece piece;
    piece.rows = rows;
    piece.columns = columns;
    piece.stride = columns + 2 * margin_;
    piece.margin = margin_;
    piece.element = element;
    piece.host.assign(static_cast<size_t>((rows * piece.stride + 2 * kGuard) *
                                          BytesOf(element)),
                      kBlank);
    return piece;
  }

  Matrix Keep(Piece piece) {
    const auto bytes = static_cast<int64_t>(piece.host.size());
    auto memory = backend_->Allocate(bytes);
    CHECK(memory.ok()) << memory.status();
    piece.memory = *std::move(memory);
    pieces_.push_back(std::move(piece));
    Piece& kept = pieces_.back();
    backend_->CopyIn(kept.host.data(), bytes, kept.memory.get());
    return kept.Within(kept.memory.get());
  }

  void Fetch(const void* memory, std::vector<std::byte>* host) const {
    backend_->CopyOut(memory, static_cast<int64_t>(host->size()), host->data());
    backend_->AwaitAll();
  }

  const int64_t margin_;
  Backend* const backend_;
  std::deque<Piece> pieces_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CASES_WORKBENCH_H_
