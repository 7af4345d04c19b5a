#include "worker/backend/cpu/tile_product.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "glog/logging.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace hawser {

#if defined(__x86_64__)

namespace {

#define HAWSER_AVX512 __attribute__((target("avx512f")))
#define HAWSER_AVX512_INLINE \
  __attribute__((target("avx512f"), always_inline)) inline

// Sums that registers hold: so many rows of two vectors. As many of either as
// keep two multipliers busy, whose latency is four cycles, with broadcasts to
// spare.
constexpr int64_t kRows = 8;
constexpr int64_t kLanes = 16;

// How one tile's operands lie in memory.
struct Operands {
  const float* a;
  int64_t a_row, a_term;  // elements from row to row, from term to term
  const float* b;
  int64_t b_term;
  int64_t terms;
  float* c;
  int64_t c_row;
  bool accumulate;
};

// Rows of two vectors of columns, of which the masks say how much there is.
template <int64_t Rows>
HAWSER_AVX512_INLINE void MultiplyRows(const Operands& x, __mmask16 low,
                                       __mmask16 high) {
  __m512 sums[Rows][2];
#pragma GCC unroll 8
  for (int64_t r = 0; r < Rows; ++r) {
    const float* c = x.c + r * x.c_row;
    sums[r][0] =
        x.accumulate ? _mm512_maskz_loadu_ps(low, c) : _mm512_setzero_ps();
    sums[r][1] = x.accumulate ? _mm512_maskz_loadu_ps(high, c + kLanes)
                              : _mm512_setzero_ps();
  }
  for (int64_t k = 0; k < x.terms; ++k) {
    const float* b = x.b + k * x.b_term;
    const __m512 b_low = _mm512_maskz_loadu_ps(low, b);
    const __m512 b_high = _mm512_maskz_loadu_ps(high, b + kLanes);
#pragma GCC unroll 8
    for (int64_t r = 0; r < Rows; ++r) {
      const __m512 a = _mm512_set1_ps(x.a[r * x.a_row + k * x.a_term]);
      sums[r][0] = _mm512_fmadd_ps(a, b_low, sums[r][0]);
      sums[r][1] = _mm512_fmadd_ps(a, b_high, sums[r][1]);
    }
  }
#pragma GCC unroll 8
  for (int64_t r = 0; r < Rows; ++r) {
    float* c = x.c + r * x.c_row;
    _mm512_mask_storeu_ps(c, low, sums[r][0]);
    _mm512_mask_storeu_ps(c + kLanes, high, sums[r][1]);
  }
}

__mmask16 MaskOf(int64_t columns) {
  if (columns >= kLanes) return 0xffff;
  return static_cast<__mmask16>(columns <= 0 ? 0 : (1 << columns) - 1);
}

// All rows of up to two vectors of columns.
HAWSER_AVX512 void MultiplyColumns(Operands x, int64_t rows, int64_t columns) {
  const __mmask16 low = MaskOf(columns);
  const __mmask16 high = MaskOf(columns - kLanes);
  while (rows >= kRows) {
    MultiplyRows<kRows>(x, low, high);
    x.a += kRows * x.a_row;
    x.c += kRows * x.c_row;
    rows -= kRows;
  }
  for (; rows > 0; --rows) {
    MultiplyRows<1>(x, low, high);
    x.a += x.a_row;
    x.c += x.c_row;
  }
}

}  // namespace

bool CpuHasTileProducts() {
  return dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core;
}

void MultiplyTile(bool transpose_a, bool accumulate, ConstMatrix a,
                  ConstMatrix b, Matrix c) {
  for (int64_t first = 0; first < c.columns(); first += 2 * kLanes) {
    MultiplyColumns({.a = a.Row<float>(0),
                     .a_row = transpose_a ? 1 : a.stride(),
                     .a_term = transpose_a ? a.stride() : 1,
                     .b = b.Row<float>(0) + first,
                     .b_term = b.stride(),
                     .terms = b.rows(),
                     .c = c.Row<float>(0) + first,
                     .c_row = c.stride(),
                     .accumulate = accumulate},
                    c.rows(), c.columns() - first);
  }
}

#else

bool CpuHasTileProducts() { return false; }

void MultiplyTile(bool, bool, ConstMatrix, ConstMatrix, Matrix) {
  LOG(FATAL) << "no tile products on this kind of CPU";
}

#endif

}  // namespace hawser
