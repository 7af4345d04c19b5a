#include "worker/backend/cpu/feed_forward.h"

#include "common/simd.h"
#include "worker/backend/cpu/elements.h"
#include "worker/backend/exponential.h"

namespace hawser {
namespace {

constexpr float kGeluScale = 0.7978845608028654f;  // sqrt(2 / pi)
constexpr float kGeluCubic = 0.044715f;

HAWSER_INLINE float Sigmoid(float x) { return 1.0f / (1.0f + FastExp(-x)); }

// gelu(x) = x / 2 (1 + tanh u) = x sigmoid(2 u), u = scale (x + cubic x^3).
HAWSER_INLINE float Gate(float x) {
  return Sigmoid(2 * kGeluScale * (x + kGeluCubic * x * x * x));
}

template <typename T>
HAWSER_INLINE void GeluRow(int64_t n, const T* x, T* y) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const float v = Load(x[i]);
    Store(v * Gate(v), y + i);
  }
}

template <typename T, typename D>
HAWSER_INLINE void GeluBackwardRow(int64_t n, const T* x, const D* dy, T* dx) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const float v = Load(x[i]);
    const float gate = Gate(v);
    const float slope = 2 * kGeluScale * (1 + 3 * kGeluCubic * v * v);
    Store(Load(dy[i]) * (gate + v * gate * (1 - gate) * slope), dx + i);
  }
}

template <typename T>
HAWSER_INLINE void SwigluRow(int64_t n, const T* x, T* y) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const float gate = Load(x[i]);
    Store(gate * Sigmoid(gate) * Load(x[n + i]), y + i);
  }
}

template <typename T, typename D>
HAWSER_INLINE void SwigluBackwardRow(int64_t n, const T* x, const D* dy,
                                     T* dx) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const float gate = Load(x[i]);
    const float up = Load(x[n + i]);
    const float derivative = Load(dy[i]);
    const float sigmoid = Sigmoid(gate);
    const float slope = sigmoid + gate * sigmoid * (1 - sigmoid);
    Store(derivative * up * slope, dx + i);
    Store(derivative * gate * sigmoid, dx + n + i);
  }
}

#define HAWSER_FORWARD(Name, Row, T) \
  HAWSER_SIMD                        \
  void Name(int64_t n, const T* x, T* y) { Row(n, x, y); }

HAWSER_FORWARD(GeluFloat, GeluRow, float)
HAWSER_FORWARD(GeluBfloat, GeluRow, Bfloat16)
HAWSER_FORWARD(SwigluFloat, SwigluRow, float)
HAWSER_FORWARD(SwigluBfloat, SwigluRow, Bfloat16)

#define HAWSER_BACKWARD(Name, Row, T, D) \
  HAWSER_SIMD                            \
  void Name(int64_t n, const T* x, const D* dy, T* dx) { Row(n, x, dy, dx); }

HAWSER_BACKWARD(GeluBackwardFloat, GeluBackwardRow, float, float)
HAWSER_BACKWARD(GeluBackwardMixed, GeluBackwardRow, Bfloat16, float)
HAWSER_BACKWARD(GeluBackwardBfloat, GeluBackwardRow, Bfloat16, Bfloat16)
HAWSER_BACKWARD(SwigluBackwardFloat, SwigluBackwardRow, float, float)
HAWSER_BACKWARD(SwigluBackwardMixed, SwigluBackwardRow, Bfloat16, float)
HAWSER_BACKWARD(SwigluBackwardBfloat, SwigluBackwardRow, Bfloat16, Bfloat16)

#undef HAWSER_FORWARD
#undef HAWSER_BACKWARD

int64_t InputsOf(FeedForward kind, int64_t outputs) {
  return kind == FEED_FORWARD_SWIGLU ? 2 * outputs : outputs;
}

}  // namespace

void CpuFeedForwardForward(FeedForward kind, ConstMatrix x, Matrix y) {
  const int64_t n = y.columns();
  const bool swiglu = kind == FEED_FORWARD_SWIGLU;
  CHECK_EQ(x.rows(), y.rows());
  CHECK_EQ(x.columns(), InputsOf(kind, n));
  CHECK(x.element() == y.element());
  for (int64_t r = 0; r < x.rows(); ++r) {
    if (x.element() == Element::kFloat32) {
      (swiglu ? SwigluFloat : GeluFloat)(n, x.Row<float>(r), y.Row<float>(r));
    } else {
      (swiglu ? SwigluBfloat : GeluBfloat)(n, x.Row<Bfloat16>(r),
                                           y.Row<Bfloat16>(r));
    }
  }
}

void CpuFeedForwardBackward(FeedForward kind, ConstMatrix x, ConstMatrix dy,
                            Matrix dx) {
  const int64_t n = dy.columns();
  const bool swiglu = kind == FEED_FORWARD_SWIGLU;
  CHECK_EQ(x.rows(), dy.rows());
  CHECK_EQ(x.columns(), InputsOf(kind, n));
  CHECK_EQ(x.columns(), dx.columns());
  CHECK(x.element() == dx.element());
  CHECK(x.element() == Element::kBfloat16 || dy.element() == Element::kFloat32);
  for (int64_t r = 0; r < x.rows(); ++r) {
    if (x.element() == Element::kFloat32) {
      (swiglu ? SwigluBackwardFloat : GeluBackwardFloat)(
          n, x.Row<float>(r), dy.Row<float>(r), dx.Row<float>(r));
    } else if (dy.element() == Element::kFloat32) {
      (swiglu ? SwigluBackwardMixed : GeluBackwardMixed)(
          n, x.Row<Bfloat16>(r), dy.Row<float>(r), dx.Row<Bfloat16>(r));
    } else {
      (swiglu ? SwigluBackwardBfloat : GeluBackwardBfloat)(
          n, x.Row<Bfloat16>(r), dy.Row<Bfloat16>(r), dx.Row<Bfloat16>(r));
    }
  }
}

}  // namespace hawser
