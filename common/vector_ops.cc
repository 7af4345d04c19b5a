#include "common/vector_ops.h"

#include <algorithm>
#include <bit>

#include "common/simd.h"

namespace hawser {
namespace {

// A float that may lie anywhere. Name the type where it is used: `auto` would
// deduce a plain float, without the attributes.
typedef float UnalignedFloat __attribute__((aligned(1), may_alias));

// Element i goes to lane i % 16. Requires that n is a multiple of that.
HAWSER_SIMD
void AddSquares(const float* x, int64_t n, double* sums) {
  constexpr int kLanes = 16;
  double lanes[kLanes];
  for (int lane = 0; lane < kLanes; ++lane) lanes[lane] = sums[lane];
  for (int64_t i = 0; i < n; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const double value = x[i + lane];
      lanes[lane] += value * value;
    }
  }
  for (int lane = 0; lane < kLanes; ++lane) sums[lane] = lanes[lane];
}

}  // namespace

HAWSER_SIMD
void AddInto(float* __restrict accumulator, const void* __restrict addend,
             int64_t n) {
  const UnalignedFloat* __restrict floats =
      static_cast<const UnalignedFloat*>(addend);
  for (int64_t i = 0; i < n; ++i) accumulator[i] += floats[i];
}

HAWSER_SIMD
bool AllFinite(const float* x, int64_t n) {
  constexpr uint32_t kExponent = 0x7f800000;
  constexpr int64_t kAtOnce = 4 << 10;
  for (int64_t first = 0; first < n; first += kAtOnce) {
    const int64_t last = std::min(n, first + kAtOnce);
    uint32_t found = 0;
    for (int64_t i = first; i < last; ++i) {
      const uint32_t bits = std::bit_cast<uint32_t>(x[i]);
      found |= (bits & kExponent) == kExponent ? 1 : 0;
    }
    if (found != 0) return false;
  }
  return true;
}

double SquaredNorm(const float* x, int64_t n) {
  SquaredNormSum sum;
  sum.Add(x, n);
  return sum.Total();
}

void SquaredNormSum::Add(const float* x, int64_t n) {
  const float* const end = x + n;
  for (; next_ != 0 && x != end; ++x) AddAlone(*x);
  const int64_t whole = (end - x) / kLanes * kLanes;
  AddSquares(x, whole, lanes_);
  for (x += whole; x != end; ++x) AddAlone(*x);
}

void SquaredNormSum::AddAlone(double value) {
  lanes_[next_] += value * value;
  next_ = (next_ + 1) % kLanes;
}

double SquaredNormSum::Total() const {
  double lanes[kLanes];
  std::copy_n(lanes_, kLanes, lanes);
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int lane = 0; lane < width; ++lane) {
      lanes[lane] += lanes[lane + width];
    }
  }
  return lanes[0];
}

}  // namespace hawser
