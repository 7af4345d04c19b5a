#include "worker/backend/cpu/element_wise.h"

#include <algorithm>
#include <array>

#include "common/simd.h"
#include "worker/backend/cpu/elements.h"

namespace hawser {
namespace {

// Factors of dropout are made for so many elements at a time.
constexpr int64_t kPiece = 1024;

// Rows that are added in one pass over the sums, one after the other.
constexpr int64_t kRowsTogether = 4;

template <typename T>
HAWSER_INLINE void AddRows(const T* x, int64_t stride, int64_t rows, int64_t n,
                           float* sums) {
  int64_t r = 0;
  for (; r + kRowsTogether <= rows; r += kRowsTogether) {
    const T* row = x + r * stride;
#pragma GCC ivdep
    for (int64_t c = 0; c < n; ++c) {
      sums[c] = sums[c] + Load(row[c]) + Load(row[stride + c]) +
                Load(row[2 * stride + c]) + Load(row[3 * stride + c]);
    }
  }
  for (; r < rows; ++r) {
    const T* row = x + r * stride;
#pragma GCC ivdep
    for (int64_t c = 0; c < n; ++c) sums[c] += Load(row[c]);
  }
}

HAWSER_SIMD
void AddFloats(const float* x, int64_t stride, int64_t rows, int64_t n,
               float* sums) {
  AddRows(x, stride, rows, n, sums);
}

HAWSER_SIMD
void AddBfloats(const Bfloat16* x, int64_t stride, int64_t rows, int64_t n,
                float* sums) {
  AddRows(x, stride, rows, n, sums);
}

HAWSER_SIMD
void ToBfloats(const float* x, int64_t n, Bfloat16* y) {
#pragma GCC ivdep
  for (int64_t c = 0; c < n; ++c) Store(x[c], y + c);
}

HAWSER_SIMD
void ToFloats(const Bfloat16* x, int64_t n, float* y) {
#pragma GCC ivdep
  for (int64_t c = 0; c < n; ++c) y[c] = Load(x[c]);
}

HAWSER_SIMD
void Add(const float* x, const float* z, int64_t n, float* y) {
#pragma GCC ivdep
  for (int64_t c = 0; c < n; ++c) y[c] = x[c] + z[c];
}

HAWSER_SIMD
void AddScaled(const float* x, const float* z, const float* factors, int64_t n,
               float* y) {
#pragma GCC ivdep
  for (int64_t c = 0; c < n; ++c) y[c] = x[c] + z[c] * factors[c];
}

HAWSER_SIMD
void ScaleFloats(const float* x, const float* factors, int64_t n, float* y) {
#pragma GCC ivdep
  for (int64_t c = 0; c < n; ++c) y[c] = x[c] * factors[c];
}

HAWSER_SIMD
void ScaleToBfloats(const float* x, const float* factors, int64_t n,
                    Bfloat16* y) {
#pragma GCC ivdep
  for (int64_t c = 0; c < n; ++c) Store(x[c] * factors[c], y + c);
}

void ConvertRow(ConstMatrix x, Matrix y, int64_t r) {
  const int64_t n = x.columns();
  const bool from_float = x.element() == Element::kFloat32;
  if (x.element() == y.element()) {
    if (from_float) {
      std::copy_n(x.Row<float>(r), n, y.Row<float>(r));
    } else {
      std::copy_n(x.Row<Bfloat16>(r), n, y.Row<Bfloat16>(r));
    }
  } else if (from_float) {
    ToBfloats(x.Row<float>(r), n, y.Row<Bfloat16>(r));
  } else {
    ToFloats(x.Row<Bfloat16>(r), n, y.Row<float>(r));
  }
}

// Calls use(r, first_column, count, factors) for pieces of all rows.
template <typename Use>
void ForDropoutPieces(const Dropout& dropout, int64_t rows, int64_t columns,
                      Use use) {
  std::array<float, kPiece> factors;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; c += kPiece) {
      const int64_t count = std::min(kPiece, columns - c);
      DropoutFactors(dropout, (dropout.first_row + r) * columns + c, count,
                     factors.data());
      use(r, c, count, factors.data());
    }
  }
}

}  // namespace

void DropoutFactors(const Dropout& dropout, int64_t first, int64_t n,
                    float* factors) {
  const float kept = 1.0f / (1.0f - dropout.rate);
  const int64_t last = first + n;
  for (int64_t group = first / 4; group * 4 < last; ++group) {
    const auto words = dropout.random.Words(static_cast<uint64_t>(group));
    for (int64_t j = 0; j < 4; ++j) {
      const int64_t i = 4 * group + j;
      if (i < first || i >= last) continue;
      const float uniform =
          static_cast<float>(words[static_cast<size_t>(j)] >> 8) * 0x1.0p-24f;
      factors[i - first] = uniform < dropout.rate ? 0.0f : kept;
    }
  }
}

void CpuSumRows(ConstMatrix x, float* sums) {
  std::fill_n(sums, x.columns(), 0.0f);
  if (x.element() == Element::kFloat32) {
    AddFloats(x.Row<float>(0), x.stride(), x.rows(), x.columns(), sums);
  } else {
    AddBfloats(x.Row<Bfloat16>(0), x.stride(), x.rows(), x.columns(), sums);
  }
}

void CpuConvert(ConstMatrix x, Matrix y) {
  CHECK_EQ(x.rows(), y.rows());
  CHECK_EQ(x.columns(), y.columns());
  for (int64_t r = 0; r < x.rows(); ++r) ConvertRow(x, y, r);
}

void CpuFill(float value, Matrix x) {
  for (int64_t r = 0; r < x.rows(); ++r) {
    if (x.element() == Element::kFloat32) {
      std::fill_n(x.Row<float>(r), x.columns(), value);
    } else {
      Bfloat16 rounded;
      Store(value, &rounded);
      std::fill_n(x.Row<Bfloat16>(r), x.columns(), rounded);
    }
  }
}

void CpuAddDropped(const Dropout& dropout, ConstMatrix x, ConstMatrix z,
                   Matrix y) {
  const int64_t n = x.columns();
  CHECK_EQ(x.rows(), z.rows());
  CHECK_EQ(x.rows(), y.rows());
  CHECK_EQ(n, z.columns());
  CHECK_EQ(n, y.columns());
  if (dropout.rate == 0) {
    for (int64_t r = 0; r < x.rows(); ++r) {
      Add(x.Row<float>(r), z.Row<float>(r), n, y.Row<float>(r));
    }
    return;
  }
  ForDropoutPieces(dropout, x.rows(), n,
                   [&](int64_t r, int64_t c, int64_t count, const float* f) {
                     AddScaled(x.Row<float>(r) + c, z.Row<float>(r) + c, f,
                               count, y.Row<float>(r) + c);
                   });
}

void CpuDrop(const Dropout& dropout, ConstMatrix dy, Matrix dz) {
  CHECK(dropout.rate == 0 || dy.element() == Element::kFloat32);
  CHECK_EQ(dy.rows(), dz.rows());
  CHECK_EQ(dy.columns(), dz.columns());
  if (dropout.rate == 0) {
    if (dy.data() != dz.data()) CpuConvert(dy, dz);
    return;
  }
  ForDropoutPieces(
      dropout, dy.rows(), dy.columns(),
      [&](int64_t r, int64_t c, int64_t count, const float* factors) {
        if (dz.element() == Element::kFloat32) {
          ScaleFloats(dy.Row<float>(r) + c, factors, count,
                      dz.Row<float>(r) + c);
        } else {
          ScaleToBfloats(dy.Row<float>(r) + c, factors, count,
                         dz.Row<Bfloat16>(r) + c);
        }
      });
}

}  // namespace hawser
