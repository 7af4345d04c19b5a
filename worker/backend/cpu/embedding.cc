#include "worker/backend/cpu/embedding.h"

#include <algorithm>

#include "common/simd.h"
#include "worker/backend/cpu/elements.h"

namespace hawser {
namespace {

HAWSER_SIMD
void AddRows(int64_t n, const float* a, const float* b, float* sum) {
#pragma GCC ivdep
  for (int64_t c = 0; c < n; ++c) sum[c] = a[c] + b[c];
}

}  // namespace

void CpuEmbedForward(absl::Span<const int32_t> tokens, ConstMatrix weight,
                     ConstMatrix positions, int64_t first_position, Matrix x) {
  const int64_t n = x.columns();
  CHECK_EQ(x.rows(), static_cast<int64_t>(tokens.size()));
  CHECK_EQ(n, weight.columns());
  for (int64_t r = 0; r < x.rows(); ++r) {
    const auto* token = weight.Row<float>(tokens[static_cast<size_t>(r)]);
    if (positions.rows() == 0) {
      std::copy_n(token, n, x.Row<float>(r));
      continue;
    }
    AddRows(n, token,
            positions.Row<float>((first_position + r) % positions.rows()),
            x.Row<float>(r));
  }
}

void CpuEmbedBackward(absl::Span<const int32_t> tokens, ConstMatrix dx,
                      Matrix dweight) {
  CHECK_EQ(dx.rows(), static_cast<int64_t>(tokens.size()));
  CHECK_EQ(dx.columns(), dweight.columns());
  for (int64_t r = 0; r < dx.rows(); ++r) {
    auto* row = dweight.Row<float>(tokens[static_cast<size_t>(r)]);
    AddRows(dx.columns(), row, dx.Row<float>(r), row);
  }
}

void CpuPositionsBackward(ConstMatrix dx, int64_t context, int64_t first,
                          Matrix dpositions) {
  const int64_t n = dx.columns();
  CHECK_EQ(n, dpositions.columns());
  CHECK_EQ(dx.rows() % context, 0);
  for (int64_t t = 0; t < dpositions.rows(); ++t) {
    auto* row = dpositions.Row<float>(t);
    std::fill_n(row, n, 0.0f);
    for (int64_t r = first + t; r < dx.rows(); r += context) {
      AddRows(n, row, dx.Row<float>(r), row);
    }
  }
}

}  // namespace hawser
