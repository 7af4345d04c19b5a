#include "worker/backend/cpu/norm.h"

#include <algorithm>
#include <cmath>

#include "common/simd.h"
#include "worker/backend/cpu/elements.h"

namespace hawser {
namespace {

template <typename Y>
HAWSER_INLINE void ForwardRow(const Norm& norm, int64_t n, const float* x, Y* y,
                              float* statistics) {
  const auto count = static_cast<float>(n);
  const float mean = norm.kind == RMS_NORM
                         ? 0
                         : SumOver(n, [&](int64_t c) { return x[c]; }) / count;
  const float square =
      SumOver(n, [&](int64_t c) { return (x[c] - mean) * (x[c] - mean); }) /
      count;
  const float scale = 1.0f / std::sqrt(square + norm.epsilon);
  statistics[0] = mean;
  statistics[1] = scale;
  if (norm.bias == nullptr) {
#pragma GCC ivdep
    for (int64_t c = 0; c < n; ++c) {
      Store((x[c] - mean) * scale * norm.weight[c], y + c);
    }
    return;
  }
#pragma GCC ivdep
  for (int64_t c = 0; c < n; ++c) {
    Store((x[c] - mean) * scale * norm.weight[c] + norm.bias[c], y + c);
  }
}

HAWSER_SIMD
void ForwardFloat(const Norm& norm, int64_t n, const float* x, float* y,
                  float* statistics) {
  ForwardRow(norm, n, x, y, statistics);
}

HAWSER_SIMD
void ForwardBfloat(const Norm& norm, int64_t n, const float* x, Bfloat16* y,
                   float* statistics) {
  ForwardRow(norm, n, x, y, statistics);
}

// One row: adds to dweight and dbias, writes dx.
HAWSER_SIMD
void BackwardRow(const Norm& norm, int64_t n, const float* x, float mean,
                 float scale, const float* dy, const float* residual, float* dx,
                 float* dweight, float* dbias) {
  const float* weight = norm.weight;
  const auto count = static_cast<float>(n);
  const float mean_dy = norm.kind == RMS_NORM ? 0 : SumOver(n, [&](int64_t c) {
                                                      return dy[c] * weight[c];
                                                    }) / count;
  const float mean_product =
      SumOver(n,
              [&](int64_t c) {
                return dy[c] * weight[c] * ((x[c] - mean) * scale);
              }) /
      count;
#pragma GCC ivdep
  for (int64_t c = 0; c < n; ++c) {
    dweight[c] += dy[c] * ((x[c] - mean) * scale);
  }
  if (dbias != nullptr) {
#pragma GCC ivdep
    for (int64_t c = 0; c < n; ++c) dbias[c] += dy[c];
  }
#pragma GCC ivdep
  for (int64_t c = 0; c < n; ++c) {
    const float normal = (x[c] - mean) * scale;
    dx[c] = residual[c] +
            scale * (dy[c] * weight[c] - mean_dy - normal * mean_product);
  }
}

}  // namespace

void CpuNormForward(const Norm& norm, ConstMatrix x, Matrix y,
                    float* statistics) {
  CHECK_EQ(x.rows(), y.rows());
  CHECK_EQ(x.columns(), y.columns());
  for (int64_t r = 0; r < x.rows(); ++r) {
    const auto* row = x.Row<float>(r);
    if (y.element() == Element::kFloat32) {
      ForwardFloat(norm, x.columns(), row, y.Row<float>(r), statistics + 2 * r);
    } else {
      ForwardBfloat(norm, x.columns(), row, y.Row<Bfloat16>(r),
                    statistics + 2 * r);
    }
  }
}

void CpuNormBackward(const Norm& norm, ConstMatrix x, const float* statistics,
                     ConstMatrix dy, ConstMatrix residual, Matrix dx,
                     float* dweight, float* dbias) {
  const int64_t n = x.columns();
  CHECK_EQ(x.rows(), dy.rows());
  CHECK_EQ(n, dy.columns());
  CHECK_EQ(n, residual.columns());
  CHECK_EQ(n, dx.columns());
  std::fill_n(dweight, n, 0.0f);
  if (norm.bias == nullptr) dbias = nullptr;
  if (dbias != nullptr) std::fill_n(dbias, n, 0.0f);
  for (int64_t r = 0; r < x.rows(); ++r) {
    BackwardRow(norm, n, x.Row<float>(r), statistics[2 * r],
                statistics[2 * r + 1], dy.Row<float>(r), residual.Row<float>(r),
                dx.Row<float>(r), dweight, dbias);
  }
}

}  // namespace hawser
