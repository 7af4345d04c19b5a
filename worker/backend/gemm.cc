#include "worker/backend/gemm.h"

#include <cblas.h>

#include <algorithm>

#include "worker/backend/thread_pool.h"

namespace hawser {
namespace {

// A panel is worth a thread from about this many multiplications.
constexpr int64_t kPanelWork = 1 << 22;
// Panels are whole multiples of the widest kernel's tile.
constexpr int64_t kPanelGrain = 32;
constexpr int64_t kMaxPanels = 64;

// Elements of the cut dimension in a panel: a function of the shape alone.
int64_t PanelSize(int64_t cut, int64_t work) {
  const int64_t panels = std::clamp<int64_t>(work / kPanelWork, 1, kMaxPanels);
  const int64_t size = (cut + panels - 1) / panels;
  return (size + kPanelGrain - 1) / kPanelGrain * kPanelGrain;
}

// Calls multiply(first, count) for each panel of [0, cut).
template <typename MultiplyPanel>
void ForEachPanel(int64_t cut, int64_t work, ThreadPool* pool,
                  MultiplyPanel multiply) {
  const int64_t size = PanelSize(cut, work);
  const int panels = static_cast<int>((cut + size - 1) / size);
  pool->ParallelFor(panels, [&](int panel) {
    const int64_t first = panel * size;
    multiply(first, std::min(size, cut - first));
  });
}

void Gemm(CBLAS_TRANSPOSE transpose_a, CBLAS_TRANSPOSE transpose_b, int64_t m,
          int64_t n, int64_t k, const float* a, int64_t lda, const float* b,
          int64_t ldb, float* c, int64_t ldc) {
  cblas_sgemm(CblasRowMajor, transpose_a, transpose_b, static_cast<int>(m),
              static_cast<int>(n), static_cast<int>(k), 1.0f, a,
              static_cast<int>(lda), b, static_cast<int>(ldb), 0.0f, c,
              static_cast<int>(ldc));
}

}  // namespace

void MultiplyTransposed(const float* a, const float* b, int64_t m, int64_t n,
                        int64_t k, float* c, ThreadPool* pool) {
  if (m == 0) return;
  ForEachPanel(n, m * n * k, pool, [&](int64_t first, int64_t count) {
    Gemm(CblasNoTrans, CblasTrans, m, count, k, a, k, b + first * k, k,
         c + first, n);
  });
}

void Multiply(const float* a, const float* b, int64_t m, int64_t n, int64_t k,
              float* c, ThreadPool* pool) {
  if (m == 0) return;
  ForEachPanel(n, m * n * k, pool, [&](int64_t first, int64_t count) {
    Gemm(CblasNoTrans, CblasNoTrans, m, count, k, a, k, b + first, n, c + first,
         n);
  });
}

void MultiplyTransposedLeft(const float* a, const float* b, int64_t m,
                            int64_t n, int64_t k, float* c, ThreadPool* pool) {
  if (k == 0) {
    std::fill_n(c, m * n, 0.0f);
    return;
  }
  ForEachPanel(m, m * n * k, pool, [&](int64_t first, int64_t count) {
    Gemm(CblasTrans, CblasNoTrans, count, n, k, a + first, m, b, n,
         c + first * n, n);
  });
}

}  // namespace hawser
