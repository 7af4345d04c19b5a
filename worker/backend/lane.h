// The operations that models are made of, as every backend offers them. A lane
// does one after another: a thread of the CPU, or a stream of a GPU.
//
// Shapes are in the comments and CHECKed. x, y and z are activations, d<name>
// is the derivative of the loss by <name>. Matrices marked "any" may be float32
// or bfloat16 (then rounded to nearest even on writing); all others, vectors
// and all sums are float32. Outputs are overwritten unless they are said to be
// added to. What an operation adds up, it adds in an order that its shape alone
// decides.
//
// Adding an operation: here, in each backend, in the reference and in the list
// of cases of operation_test.cc.
#ifndef HAWSER_WORKER_BACKEND_LANE_H_
#define HAWSER_WORKER_BACKEND_LANE_H_

#include <cstdint>

#include "absl/types/span.h"
#include "common/counter_random.h"
#include "proto/job.pb.h"
#include "worker/backend/matrix.h"

namespace hawser {

struct Product {
  bool transpose_a = false;
  bool transpose_b = false;
  bool accumulate = false;      // c += instead of c =
  const float* bias = nullptr;  // [columns of c], added to every row
};

struct Norm {
  Normalisation kind = LAYER_NORM;
  float epsilon = 0;
  const float* weight = nullptr;  // [columns]
  const float* bias = nullptr;    // [columns], or none
};

// Inverted dropout (Srivastava et al., 2014): an element is kept with
// probability 1 - rate, and then scaled by 1 / (1 - rate). Element [r, c] of a
// matrix is number (first_row + r) * columns + c of the random stream.
struct Dropout {
  float rate = 0;  // 0: none
  CounterRandom random{0, RandomPurpose::kDropout};
  int64_t first_row = 0;
};

// Of several samples, or of several groups of heads that each have a head of
// keys and values of their own, at once.
struct Attention {
  int64_t samples = 1;
  int64_t groups = 1;
  int64_t head_width = 0;
  float scale = 0;             // of the products of queries and keys
  int64_t first_position = 0;  // of the first query; that of the first key is 0
  // Of the weights: row (s * heads + h) * queries + i, column j of [samples *
  // heads * queries, keys] for query i of head h (of all groups) of sample s
  // and key j.
  Dropout dropout;
};

class Lane {
 public:
  virtual ~Lane() = default;

  // c [m, n] = a [m, k] b [k, n]; a is given as [k, m] if transposed, b as
  // [n, k]. a and b: any, both the same. c: float32, or as a and b unless added
  // to.
  virtual void Multiply(const Product& product, ConstMatrix a, ConstMatrix b,
                        Matrix c) = 0;

  // sums[c] = sum over rows r of x[r, c]. x: any.
  virtual void SumRows(ConstMatrix x, float* sums) = 0;

  // y = x, both any.
  virtual void Convert(ConstMatrix x, Matrix y) = 0;

  // x = value. x: any.
  virtual void Fill(float value, Matrix x) = 0;

  // y = x^T.
  virtual void Transpose(ConstMatrix x, Matrix y) = 0;

  // Layer norm (Ba et al., 2016): y = (x - mean) / sqrt(variance + epsilon)
  // * weight + bias, row by row; or RMS norm (Zhang and Sennrich, 2019):
  // y = x / sqrt(mean of squares + epsilon) * weight. y: any.
  // statistics [rows, 2]: what the way back needs.
  virtual void NormForward(const Norm& norm, ConstMatrix x, Matrix y,
                           float* statistics) = 0;
  // dx = dy by x + residual (the derivative that came around the norm), which
  // may be dx. dweight and dbias [columns]: the sums of these rows; no dbias
  // without a bias.
  virtual void NormBackward(const Norm& norm, ConstMatrix x,
                            const float* statistics, ConstMatrix dy,
                            ConstMatrix residual, Matrix dx, float* dweight,
                            float* dbias) = 0;

  // GELU (Hendrycks and Gimpel, 2016; the tanh approximation): y = gelu(x), x
  // and y [rows, n]. SWIGLU (Shazeer, 2020): y = silu(x[:, :n]) * x[:, n:],
  // x [rows, 2 n], y [rows, n]. x and y: any, both the same. x becomes the
  // slopes: each element's derivative of y by it.
  virtual void FeedForwardForward(FeedForward kind, Matrix x, Matrix y) = 0;
  // x: the slopes become dx, each times its dy.
  virtual void FeedForwardBackward(ConstMatrix dy, Matrix x) = 0;

  // y = x + dropout(z). y may be x.
  virtual void AddDropped(const Dropout& dropout, ConstMatrix x, ConstMatrix z,
                          Matrix y) = 0;
  // dz = dropout(dy), the same elements dropped. dz: any; it may be dy.
  virtual void Drop(const Dropout& dropout, ConstMatrix dy, Matrix dz) = 0;

  // Rotary positions (Su et al., 2021): turns each head of x [rows, heads *
  // head_width] by the angle of its row's position; dimension i of a head goes
  // with i + head_width / 2. Row r has position (first_position + r) % context.
  // Backward turns the other way. x: any.
  virtual void Rotate(int64_t head_width, double base, int64_t context,
                      int64_t first_position, bool backward, Matrix x) = 0;

  // Causal attention: query i of a sample sees its keys up to its own position.
  // q and y [samples * queries, heads * head_width], k and v [samples * keys,
  // groups * head_width]: any; as many heads for each group, one after the
  // other. Keys beyond the last query may be anything finite, and so their
  // values. log_sums [samples, heads, queries]: the logarithms of the softmax's
  // sums. No more than a tile of weights exists at a time (Dao et al., 2022).
  virtual void AttentionForward(const Attention& attention, ConstMatrix q,
                                ConstMatrix k, ConstMatrix v, Matrix y,
                                float* log_sums) = 0;
  virtual void AttentionBackward(const Attention& attention, ConstMatrix q,
                                 ConstMatrix k, ConstMatrix v, ConstMatrix y,
                                 const float* log_sums, ConstMatrix dy,
                                 Matrix dq, Matrix dk, Matrix dv) = 0;

  // x[r] = weight[tokens[r]] + positions[(first_position + r) % rows of
  // positions]; positions may be empty. x [tokens, columns].
  virtual void EmbedForward(absl::Span<const int32_t> tokens,
                            ConstMatrix weight, ConstMatrix positions,
                            int64_t first_position, Matrix x) = 0;
  // dweight[tokens[r]] += dx[r], rows in order.
  virtual void EmbedBackward(absl::Span<const int32_t> tokens, ConstMatrix dx,
                             Matrix dweight) = 0;
  // dpositions[t] = sum over samples s of dx[s * context + first + t], for the
  // rows t of dpositions.
  virtual void PositionsBackward(ConstMatrix dx, int64_t context, int64_t first,
                                 Matrix dpositions) = 0;

  // Softmax and cross-entropy of each row against its label: losses [rows] in
  // nats, and dlogits = scale * d(loss)/d(logits): any; it may be logits.
  virtual void CrossEntropyBackward(absl::Span<const int32_t> labels,
                                    ConstMatrix logits, float scale,
                                    float* losses, Matrix dlogits) = 0;
  // The losses alone.
  virtual void CrossEntropyForward(absl::Span<const int32_t> labels,
                                   ConstMatrix logits, float* losses) = 0;

  // Working memory of this lane, at least `floats`, kept until the next call
  // with this slot (0 to 3). The operations' own is apart from it.
  virtual float* Scratch(int slot, int64_t floats) = 0;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_LANE_H_
