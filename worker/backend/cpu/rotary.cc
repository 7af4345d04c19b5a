#include "worker/backend/cpu/rotary.h"

#include <cmath>

#include "common/simd.h"
#include "worker/backend/cpu/elements.h"

namespace hawser {
namespace {

template <typename T>
HAWSER_INLINE void RotateHead(int64_t half, const float* cosines,
                              const float* sines, float sign, T* x) {
#pragma GCC ivdep
  for (int64_t i = 0; i < half; ++i) {
    const float a = Load(x[i]);
    const float b = Load(x[half + i]);
    const float sine = sign * sines[i];
    Store(a * cosines[i] - b * sine, x + i);
    Store(b * cosines[i] + a * sine, x + half + i);
  }
}

HAWSER_SIMD
void RotateFloat(int64_t half, const float* cosines, const float* sines,
                 float sign, float* x) {
  RotateHead(half, cosines, sines, sign, x);
}

HAWSER_SIMD
void RotateBfloat(int64_t half, const float* cosines, const float* sines,
                  float sign, Bfloat16* x) {
  RotateHead(half, cosines, sines, sign, x);
}

}  // namespace

void CpuRotary::Prepare(int64_t head_width, double base, int64_t context) {
  if (head_width == head_width_ && base == base_ && context == context_) return;
  head_width_ = head_width;
  base_ = base;
  context_ = context;
  cosines_.clear();
  sines_.clear();
  const int64_t half = head_width / 2;
  for (int64_t position = 0; position < context; ++position) {
    for (int64_t i = 0; i < half; ++i) {
      const double angle =
          static_cast<double>(position) *
          std::pow(base, -static_cast<double>(i) / static_cast<double>(half));
      cosines_.push_back(static_cast<float>(std::cos(angle)));
      sines_.push_back(static_cast<float>(std::sin(angle)));
    }
  }
}

void CpuRotary::Rotate(int64_t head_width, double base, int64_t context,
                       int64_t first_position, bool backward, Matrix x) {
  CHECK_EQ(head_width % 2, 0);
  CHECK_EQ(x.columns() % head_width, 0);
  Prepare(head_width, base, context);
  const int64_t half = head_width / 2;
  const float sign = backward ? -1.0f : 1.0f;
  for (int64_t r = 0; r < x.rows(); ++r) {
    const int64_t entry = (first_position + r) % context * half;
    for (int64_t c = 0; c < x.columns(); c += head_width) {
      if (x.element() == Element::kFloat32) {
        RotateFloat(half, &cosines_[static_cast<size_t>(entry)],
                    &sines_[static_cast<size_t>(entry)], sign,
                    x.Row<float>(r) + c);
      } else {
        RotateBfloat(half, &cosines_[static_cast<size_t>(entry)],
                     &sines_[static_cast<size_t>(entry)], sign,
                     x.Row<Bfloat16>(r) + c);
      }
    }
  }
}

}  // namespace hawser
