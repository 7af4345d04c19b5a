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

HAWSER_INLINE void GeluRow(int64_t n, const float* x, float* y) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] * Gate(x[i]);
}

HAWSER_INLINE void GeluBackwardRow(int64_t n, const float* x, const float* dy,
                                   float* dx) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const float v = x[i];
    const float gate = Gate(v);
    const float slope = 2 * kGeluScale * (1 + 3 * kGeluCubic * v * v);
    dx[i] = dy[i] * (gate + v * gate * (1 - gate) * slope);
  }
}

HAWSER_INLINE void SwigluRow(int64_t n, const float* gate, const float* up,
                             float* y) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    y[i] = gate[i] * Sigmoid(gate[i]) * up[i];
  }
}

HAWSER_INLINE void SwigluBackwardRow(int64_t n, const float* gate,
                                     const float* up, const float* dy,
                                     float* dgate, float* dup) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const float g = gate[i];
    const float derivative = dy[i];
    const float sigmoid = Sigmoid(g);
    const float slope = sigmoid + g * sigmoid * (1 - sigmoid);
    dgate[i] = derivative * up[i] * slope;
    dup[i] = derivative * g * sigmoid;
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
void GeluFloat(int64_t n, const float* x, float* y) { GeluRow(n, x, y); }

HAWSER_SIMD
void GeluBfloat(int64_t n, const Bfloat16* x, Bfloat16* y) {
  float piece[kPiece];
  for (int64_t i = 0; i < n; i += kPiece) {
    const int64_t count = n - i < kPiece ? n - i : kPiece;
    LoadPiece(x + i, count, piece);
    GeluRow(count, piece, piece);
    StorePiece(piece, count, y + i);
  }
}

HAWSER_SIMD
void SwigluFloat(int64_t n, const float* gate, const float* up, float* y) {
  SwigluRow(n, gate, up, y);
}

HAWSER_SIMD
void SwigluBfloat(int64_t n, const Bfloat16* gate, const Bfloat16* up,
                  Bfloat16* y) {
  float gates[kPiece];
  float ups[kPiece];
  for (int64_t i = 0; i < n; i += kPiece) {
    const int64_t count = n - i < kPiece ? n - i : kPiece;
    LoadPiece(gate + i, count, gates);
    LoadPiece(up + i, count, ups);
    SwigluRow(count, gates, ups, gates);
    StorePiece(gates, count, y + i);
  }
}

HAWSER_SIMD
void GeluBackwardFloat(int64_t n, const float* x, const float* dy, float* dx) {
  GeluBackwardRow(n, x, dy, dx);
}

HAWSER_SIMD
void GeluBackwardBfloat(int64_t n, const Bfloat16* x, const float* dy,
                        Bfloat16* dx) {
  float piece[kPiece];
  for (int64_t i = 0; i < n; i += kPiece) {
    const int64_t count = n - i < kPiece ? n - i : kPiece;
    LoadPiece(x + i, count, piece);
    GeluBackwardRow(count, piece, dy + i, piece);
    StorePiece(piece, count, dx + i);
  }
}

HAWSER_SIMD
void SwigluBackwardFloat(int64_t n, const float* gate, const float* up,
                         const float* dy, float* dgate, float* dup) {
  SwigluBackwardRow(n, gate, up, dy, dgate, dup);
}

HAWSER_SIMD
void SwigluBackwardBfloat(int64_t n, const Bfloat16* gate, const Bfloat16* up,
                          const float* dy, Bfloat16* dgate, Bfloat16* dup) {
  float gates[kPiece];
  float ups[kPiece];
  for (int64_t i = 0; i < n; i += kPiece) {
    const int64_t count = n - i < kPiece ? n - i : kPiece;
    LoadPiece(gate + i, count, gates);
    LoadPiece(up + i, count, ups);
    SwigluBackwardRow(count, gates, ups, dy + i, gates, ups);
    StorePiece(gates, count, dgate + i);
    StorePiece(ups, count, dup + i);
  }
}

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
      const auto* row = x.Row<float>(r);
      if (swiglu) {
        SwigluFloat(n, row, row + n, y.Row<float>(r));
      } else {
        GeluFloat(n, row, y.Row<float>(r));
      }
    } else {
      const auto* row = x.Row<Bfloat16>(r);
      if (swiglu) {
        SwigluBfloat(n, row, row + n, y.Row<Bfloat16>(r));
      } else {
        GeluBfloat(n, row, y.Row<Bfloat16>(r));
      }
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
  CHECK(dy.element() == Element::kFloat32);
  for (int64_t r = 0; r < x.rows(); ++r) {
    const auto* dy_row = dy.Row<float>(r);
    if (x.element() == Element::kFloat32) {
      const auto* row = x.Row<float>(r);
      auto* out = dx.Row<float>(r);
      if (swiglu) {
        SwigluBackwardFloat(n, row, row + n, dy_row, out, out + n);
      } else {
        GeluBackwardFloat(n, row, dy_row, out);
      }
    } else {
      const auto* row = x.Row<Bfloat16>(r);
      auto* out = dx.Row<Bfloat16>(r);
      if (swiglu) {
        SwigluBackwardBfloat(n, row, row + n, dy_row, out, out + n);
      } else {
        GeluBackwardBfloat(n, row, dy_row, out);
      }
    }
  }
}

}  // namespace hawser
