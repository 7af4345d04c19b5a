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

// y = gelu(x); x becomes the slope.
HAWSER_INLINE void GeluRow(int64_t n, float* x, float* y) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const float v = x[i];
    const float gate = Gate(v);
    const float value = v * gate;
    const float inner = 2 * kGeluScale + 6 * kGeluScale * kGeluCubic * v * v;
    y[i] = value;
    x[i] = gate + value * (1 - gate) * inner;
  }
}

// y = silu(gate) * up; both become the slopes by themselves.
HAWSER_INLINE void SwigluRow(int64_t n, float* gate, float* up, float* y) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const float sigmoid = Sigmoid(gate[i]);
    const float silu = gate[i] * sigmoid;
    const float factor = up[i];
    y[i] = silu * factor;
    gate[i] = (sigmoid + silu * (1 - sigmoid)) * factor;
    up[i] = silu;
  }
}

// Rows of bfloat16 go through float32 in pieces: loops over elements of one
// size are faster than loops over a mixture.
constexpr int64_t kPiece = 128;

template <typename T>
HAWSER_INLINE void LoadPiece(const T* x, int64_t n, float* piece) {
  for (int64_t i = 0; i < n; ++i) piece[i] = Load(x[i]);
}

HAWSER_INLINE void StorePiece(const float* piece, int64_t n, Bfloat16* y) {
  for (int64_t i = 0; i < n; ++i) Store(piece[i], y + i);
}

HAWSER_SIMD
void GeluFloat(int64_t n, float* x, float* y) { GeluRow(n, x, y); }

HAWSER_SIMD
void GeluBfloat(int64_t n, Bfloat16* x, Bfloat16* y) {
  float inputs[kPiece];
  float outputs[kPiece];
  for (int64_t i = 0; i < n; i += kPiece) {
    const int64_t count = n - i < kPiece ? n - i : kPiece;
    LoadPiece(x + i, count, inputs);
    GeluRow(count, inputs, outputs);
    StorePiece(inputs, count, x + i);
    StorePiece(outputs, count, y + i);
  }
}

HAWSER_SIMD
void SwigluFloat(int64_t n, float* gate, float* up, float* y) {
  SwigluRow(n, gate, up, y);
}

HAWSER_SIMD
void SwigluBfloat(int64_t n, Bfloat16* gate, Bfloat16* up, Bfloat16* y) {
  float gates[kPiece];
  float ups[kPiece];
  float outputs[kPiece];
  for (int64_t i = 0; i < n; i += kPiece) {
    const int64_t count = n - i < kPiece ? n - i : kPiece;
    LoadPiece(gate + i, count, gates);
    LoadPiece(up + i, count, ups);
    SwigluRow(count, gates, ups, outputs);
    StorePiece(gates, count, gate + i);
    StorePiece(ups, count, up + i);
    StorePiece(outputs, count, y + i);
  }
}

HAWSER_SIMD
void MultiplyFloats(int64_t n, const float* dy, float* x) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) x[i] *= dy[i];
}

HAWSER_SIMD
void MultiplyBfloats(int64_t n, const float* dy, Bfloat16* x) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) Store(Load(x[i]) * dy[i], x + i);
}

}  // namespace

void CpuFeedForwardForward(FeedForward kind, Matrix x, Matrix y) {
  const int64_t n = y.columns();
  const bool swiglu = kind == FEED_FORWARD_SWIGLU;
  CHECK_EQ(x.rows(), y.rows());
  CHECK_EQ(x.columns(), swiglu ? 2 * n : n);
  CHECK(x.element() == y.element());
  for (int64_t r = 0; r < x.rows(); ++r) {
    if (x.element() == Element::kFloat32) {
      auto* row = x.Row<float>(r);
      if (swiglu) {
        SwigluFloat(n, row, row + n, y.Row<float>(r));
      } else {
        GeluFloat(n, row, y.Row<float>(r));
      }
    } else {
      auto* row = x.Row<Bfloat16>(r);
      if (swiglu) {
        SwigluBfloat(n, row, row + n, y.Row<Bfloat16>(r));
      } else {
        GeluBfloat(n, row, y.Row<Bfloat16>(r));
      }
    }
  }
}

void CpuFeedForwardBackward(ConstMatrix dy, Matrix x) {
  const int64_t n = dy.columns();
  CHECK_EQ(x.rows(), dy.rows());
  CHECK(x.columns() == n || x.columns() == 2 * n);
  for (int64_t r = 0; r < x.rows(); ++r) {
    const auto* dy_row = dy.Row<float>(r);
    for (int64_t first = 0; first < x.columns(); first += n) {
      if (x.element() == Element::kFloat32) {
        MultiplyFloats(n, dy_row, x.Row<float>(r) + first);
      } else {
        MultiplyBfloats(n, dy_row, x.Row<Bfloat16>(r) + first);
      }
    }
  }
}

}  // namespace hawser
