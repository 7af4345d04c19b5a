#include "worker/backend/gemm.h"

#include <algorithm>

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

// Calls multiply(first, count, thread) for each panel of [0, cut).
template <typename MultiplyPanel>
void ForEachPanel(int64_t cut, int64_t work, ThreadPool* pool,
                  MultiplyPanel multiply) {
  const int64_t size = PanelSize(cut, work);
  const int panels = static_cast<int>((cut + size - 1) / size);
  pool->ParallelFor(panels, [&](int panel, int thread) {
    const int64_t first = panel * size;
    multiply(first, std::min(size, cut - first), static_cast<size_t>(thread));
  });
}

}  // namespace

Gemm::Gemm(ThreadPool* pool)
    : pool_(pool), products_(static_cast<size_t>(pool->threads())) {}

void Gemm::MultiplyTransposed(const float* a, const float* b, int64_t m,
                              int64_t n, int64_t k, float* c) {
  ForEachPanel(
      n, m * n * k, pool_, [&](int64_t first, int64_t count, size_t thread) {
        products_[thread].Multiply({.transpose_b = true}, ConstMatrix(a, m, k),
                                   ConstMatrix(b, n, k).Rows(first, count),
                                   Matrix(c, m, n).Columns(first, count));
      });
}

void Gemm::Multiply(const float* a, const float* b, int64_t m, int64_t n,
                    int64_t k, float* c) {
  ForEachPanel(
      n, m * n * k, pool_, [&](int64_t first, int64_t count, size_t thread) {
        products_[thread].Multiply({}, ConstMatrix(a, m, k),
                                   ConstMatrix(b, k, n).Columns(first, count),
                                   Matrix(c, m, n).Columns(first, count));
      });
}

void Gemm::MultiplyTransposedLeft(const float* a, const float* b, int64_t m,
                                  int64_t n, int64_t k, float* c) {
  ForEachPanel(
      m, m * n * k, pool_, [&](int64_t first, int64_t count, size_t thread) {
        products_[thread].Multiply(
            {.transpose_a = true}, ConstMatrix(a, k, m).Columns(first, count),
            ConstMatrix(b, k, n), Matrix(c, m, n).Rows(first, count));
      });
}

}  // namespace hawser
