#include "common/vector_ops.h"

#include "common/simd.h"

namespace hawser {
namespace {

// A float that may lie anywhere. Name the type where it is used: `auto` would
// deduce a plain float, without the attributes.
typedef float UnalignedFloat __attribute__((aligned(1), may_alias));

}  // namespace

HAWSER_SIMD
void AddInto(float* __restrict accumulator, const void* __restrict addend,
             int64_t n) {
  const UnalignedFloat* __restrict floats =
      static_cast<const UnalignedFloat*>(addend);
  for (int64_t i = 0; i < n; ++i) accumulator[i] += floats[i];
}

HAWSER_SIMD
double SquaredNorm(const float* x, int64_t n) {
  constexpr int kLanes = 16;
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const double value = x[i + lane];
      lanes[lane] += value * value;
    }
  }
  for (int lane = 0; i < n; ++i, ++lane) {
    const double value = x[i];
    lanes[lane] += value * value;
  }
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int lane = 0; lane < width; ++lane) {
      lanes[lane] += lanes[lane + width];
    }
  }
  return lanes[0];
}

}  // namespace hawser
