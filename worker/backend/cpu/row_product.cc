#include "worker/backend/cpu/row_product.h"

#include "common/simd.h"
#include "glog/logging.h"
#include "worker/backend/cpu/elements.h"

namespace hawser {
namespace {

// Outputs computed together, so that sums do not wait for one another.
constexpr int64_t kTogether = 4;

template <int64_t Outputs, typename T>
HAWSER_INLINE void SumProducts(const T* x, const T* weight, int64_t stride,
                               int64_t n, float* y) {
  LaneSums sums[Outputs];
  int64_t i = 0;
  for (; i + LaneSums::kLanes <= n; i += LaneSums::kLanes) {
    for (int64_t o = 0; o < Outputs; ++o) {
      for (int64_t l = 0; l < LaneSums::kLanes; ++l) {
        sums[o].lanes[l] += Load(x[i + l]) * Load(weight[o * stride + i + l]);
      }
    }
  }
  for (int64_t l = 0; i + l < n; ++l) {
    for (int64_t o = 0; o < Outputs; ++o) {
      sums[o].lanes[l] += Load(x[i + l]) * Load(weight[o * stride + i + l]);
    }
  }
  for (int64_t o = 0; o < Outputs; ++o) y[o] = sums[o].Total();
}

template <typename T>
HAWSER_INLINE void MultiplyRow(const T* x, const T* weight, int64_t stride,
                               int64_t n, int64_t outputs, float* y) {
  int64_t o = 0;
  for (; o + kTogether <= outputs; o += kTogether) {
    SumProducts<kTogether>(x, weight + o * stride, stride, n, y + o);
  }
  for (; o < outputs; ++o) {
    SumProducts<1>(x, weight + o * stride, stride, n, y + o);
  }
}

HAWSER_SIMD
void MultiplyRowFloat(const float* x, const float* weight, int64_t stride,
                      int64_t n, int64_t outputs, float* y) {
  MultiplyRow(x, weight, stride, n, outputs, y);
}

HAWSER_SIMD
void MultiplyRowBfloat(const Bfloat16* x, const Bfloat16* weight,
                       int64_t stride, int64_t n, int64_t outputs, float* y) {
  MultiplyRow(x, weight, stride, n, outputs, y);
}

}  // namespace

bool IsRowProduct(const Product& product, ConstMatrix a, Matrix c) {
  return c.rows() == 1 && product.transpose_b && !product.transpose_a &&
         !product.accumulate && a.columns() > 0;
}

void CpuMultiplyRow(const Product& product, ConstMatrix a, ConstMatrix b,
                    Matrix c) {
  CHECK_EQ(a.rows(), 1);
  CHECK_EQ(a.columns(), b.columns());
  CHECK_EQ(b.rows(), c.columns());
  CHECK(a.element() == b.element());
  constexpr int64_t kPiece = 64;
  float sums[kPiece];
  for (int64_t first = 0; first < c.columns(); first += kPiece) {
    const int64_t count =
        c.columns() - first < kPiece ? c.columns() - first : kPiece;
    if (a.element() == Element::kFloat32) {
      MultiplyRowFloat(a.Row<float>(0), b.Row<float>(first), b.stride(),
                       a.columns(), count, sums);
    } else {
      MultiplyRowBfloat(a.Row<Bfloat16>(0), b.Row<Bfloat16>(first), b.stride(),
                        a.columns(), count, sums);
    }
    for (int64_t i = 0; i < count; ++i) {
      const float bias =
          product.bias == nullptr ? 0.0f : product.bias[first + i];
      if (c.element() == Element::kFloat32) {
        Store(sums[i] + bias, c.Row<float>(0) + first + i);
      } else {
        Store(sums[i] + bias, c.Row<Bfloat16>(0) + first + i);
      }
    }
  }
}

}  // namespace hawser
