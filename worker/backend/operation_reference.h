// The operations of lane.h in double precision, as plainly as they can be
// written: what every backend is tested against. Themselves tested against
// finite differences. Shapes and names are those of lane.h; each way back takes
// what the way forward was given, and dy.
#ifndef HAWSER_WORKER_BACKEND_OPERATION_REFERENCE_H_
#define HAWSER_WORKER_BACKEND_OPERATION_REFERENCE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "common/counter_random.h"
#include "proto/job.pb.h"
#include "worker/backend/double_matrix.h"

namespace hawser::reference {

inline DoubleMatrix Transposed(const DoubleMatrix& x) {
  DoubleMatrix y(x.columns, x.rows);
  for (int64_t r = 0; r < x.rows; ++r) {
    for (int64_t c = 0; c < x.columns; ++c) y(c, r) = x(r, c);
  }
  return y;
}

inline DoubleMatrix Product(const DoubleMatrix& a, const DoubleMatrix& b) {
  CHECK_EQ(a.columns, b.rows);
  DoubleMatrix c(a.rows, b.columns);
  for (int64_t i = 0; i < a.rows; ++i) {
    for (int64_t k = 0; k < a.columns; ++k) {
      const double factor = a(i, k);
      for (int64_t j = 0; j < b.columns; ++j) c(i, j) += factor * b(k, j);
    }
  }
  return c;
}

// [1, columns].
inline DoubleMatrix SumOfRows(const DoubleMatrix& x) {
  DoubleMatrix sums(1, x.columns);
  for (int64_t r = 0; r < x.rows; ++r) {
    for (int64_t c = 0; c < x.columns; ++c) sums(0, c) += x(r, c);
  }
  return sums;
}

// Normalisation without weight and bias: (x - mean) / deviation, or x / root
// mean square.
struct Normal {
  Normal(Normalisation kind, double epsilon, const DoubleMatrix& x, int64_t r)
      : values(static_cast<size_t>(x.columns)) {
    const auto n = static_cast<double>(x.columns);
    double mean = 0, square = 0;
    if (kind == LAYER_NORM) {
      for (int64_t c = 0; c < x.columns; ++c) mean += x(r, c) / n;
    }
    for (int64_t c = 0; c < x.columns; ++c) {
      square += (x(r, c) - mean) * (x(r, c) - mean) / n;
    }
    deviation = std::sqrt(square + epsilon);
    for (int64_t c = 0; c < x.columns; ++c) {
      values[static_cast<size_t>(c)] = (x(r, c) - mean) / deviation;
    }
  }
  std::vector<double> values;
  double deviation;
};

// weight and bias [1, columns].
inline DoubleMatrix NormForward(Normalisation kind, double epsilon,
                                const DoubleMatrix& x,
                                const DoubleMatrix& weight,
                                const DoubleMatrix& bias) {
  DoubleMatrix y(x.rows, x.columns);
  for (int64_t r = 0; r < x.rows; ++r) {
    const Normal normal(kind, epsilon, x, r);
    for (int64_t c = 0; c < x.columns; ++c) {
      y(r, c) =
          normal.values[static_cast<size_t>(c)] * weight(0, c) + bias(0, c);
    }
  }
  return y;
}

struct NormGradient {
  DoubleMatrix dx, dweight, dbias;
};

// From the matrix of derivatives of each row's values by its inputs:
// d(normal_i)/d(x_j) = ([i = j] - [layer norm] / n - normal_i normal_j / n) /
// deviation.
inline NormGradient NormBackward(Normalisation kind, double epsilon,
                                 const DoubleMatrix& x,
                                 const DoubleMatrix& weight,
                                 const DoubleMatrix& dy) {
  const int64_t n = x.columns;
  NormGradient gradient{DoubleMatrix(x.rows, n), DoubleMatrix(1, n),
                        SumOfRows(dy)};
  for (int64_t r = 0; r < x.rows; ++r) {
    const Normal normal(kind, epsilon, x, r);
    for (int64_t i = 0; i < n; ++i) {
      const double at_i = normal.values[static_cast<size_t>(i)];
      gradient.dweight(0, i) += dy(r, i) * at_i;
      for (int64_t j = 0; j < n; ++j) {
        const double at_j = normal.values[static_cast<size_t>(j)];
        const double by_j = (i == j ? 1.0 : 0.0) -
                            ((kind == LAYER_NORM ? 1 : 0) + at_i * at_j) /
                                static_cast<double>(n);
        gradient.dx(r, j) += dy(r, i) * weight(0, i) * by_j / normal.deviation;
      }
    }
  }
  return gradient;
}

// A function of one number, and its derivative.
struct ValueAndSlope {
  double value, slope;
};

inline ValueAndSlope Gelu(double x) {
  const double scale = std::sqrt(2 / M_PI);
  const double t = std::tanh(scale * (x + 0.044715 * x * x * x));
  return {0.5 * x * (1 + t), 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * scale *
                                                 (1 + 3 * 0.044715 * x * x)};
}

inline ValueAndSlope Silu(double x) {
  const double sigmoid = 1 / (1 + std::exp(-x));
  return {x * sigmoid, sigmoid + x * sigmoid * (1 - sigmoid)};
}

inline DoubleMatrix FeedForwardForward(FeedForward kind,
                                       const DoubleMatrix& x) {
  const bool gated = kind == FEED_FORWARD_SWIGLU;
  const int64_t n = gated ? x.columns / 2 : x.columns;
  DoubleMatrix y(x.rows, n);
  for (int64_t r = 0; r < x.rows; ++r) {
    for (int64_t c = 0; c < n; ++c) {
      y(r, c) = gated ? Silu(x(r, c)).value * x(r, n + c) : Gelu(x(r, c)).value;
    }
  }
  return y;
}

inline DoubleMatrix FeedForwardBackward(FeedForward kind, const DoubleMatrix& x,
                                        const DoubleMatrix& dy) {
  DoubleMatrix dx(x.rows, x.columns);
  for (int64_t r = 0; r < x.rows; ++r) {
    for (int64_t c = 0; c < dy.columns; ++c) {
      if (kind == FEED_FORWARD_SWIGLU) {
        const ValueAndSlope gate = Silu(x(r, c));
        dx(r, c) = dy(r, c) * gate.slope * x(r, dy.columns + c);
        dx(r, dy.columns + c) = dy(r, c) * gate.value;
      } else {
        dx(r, c) = dy(r, c) * Gelu(x(r, c)).slope;
      }
    }
  }
  return dx;
}

// What dropout multiplies a matrix by, element by element.
inline DoubleMatrix DropoutFactors(float rate, const CounterRandom& random,
                                   int64_t first_row, int64_t rows,
                                   int64_t columns) {
  DoubleMatrix factors(rows, columns, 1);
  if (rate == 0) return factors;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      const float uniform =
          random.Uniform(static_cast<uint64_t>((first_row + r) * columns + c));
      factors(r, c) = uniform >= rate ? 1 / (1 - static_cast<double>(rate)) : 0;
    }
  }
  return factors;
}

// x * y, element by element.
inline DoubleMatrix Times(const DoubleMatrix& x, const DoubleMatrix& y) {
  CHECK(x.rows == y.rows && x.columns == y.columns);
  DoubleMatrix product = x;
  for (size_t i = 0; i < y.values.size(); ++i) product.values[i] *= y.values[i];
  return product;
}

inline DoubleMatrix Plus(const DoubleMatrix& x, const DoubleMatrix& y) {
  CHECK(x.rows == y.rows && x.columns == y.columns);
  DoubleMatrix sum = x;
  for (size_t i = 0; i < y.values.size(); ++i) sum.values[i] += y.values[i];
  return sum;
}

inline DoubleMatrix Rotate(int64_t head_width, double base, int64_t context,
                           int64_t first_position, bool backward,
                           const DoubleMatrix& x) {
  DoubleMatrix y = x;
  const int64_t half = head_width / 2;
  for (int64_t r = 0; r < x.rows; ++r) {
    const auto position = static_cast<double>((first_position + r) % context);
    for (int64_t c = 0; c < x.columns; ++c) {
      const int64_t i = c % head_width;
      if (i >= half) continue;
      const double angle =
          position * std::pow(base, -2.0 * static_cast<double>(i) /
                                        static_cast<double>(head_width));
      const double sine = backward ? -std::sin(angle) : std::sin(angle);
      y(r, c) = std::cos(angle) * x(r, c) - sine * x(r, c + half);
      y(r, c + half) = sine * x(r, c) + std::cos(angle) * x(r, c + half);
    }
  }
  return y;
}

// positions may be empty.
inline DoubleMatrix EmbedForward(const std::vector<int32_t>& tokens,
                                 const DoubleMatrix& weight,
                                 const DoubleMatrix& positions,
                                 int64_t first_position) {
  DoubleMatrix x(static_cast<int64_t>(tokens.size()), weight.columns);
  for (int64_t r = 0; r < x.rows; ++r) {
    for (int64_t c = 0; c < x.columns; ++c) {
      x(r, c) = weight(tokens[static_cast<size_t>(r)], c);
      if (positions.rows == 0) continue;
      x(r, c) += positions((first_position + r) % positions.rows, c);
    }
  }
  return x;
}

inline DoubleMatrix EmbedBackward(const std::vector<int32_t>& tokens,
                                  const DoubleMatrix& dx, int64_t vocabulary) {
  DoubleMatrix dweight(vocabulary, dx.columns);
  for (int64_t r = 0; r < dx.rows; ++r) {
    for (int64_t c = 0; c < dx.columns; ++c) {
      dweight(tokens[static_cast<size_t>(r)], c) += dx(r, c);
    }
  }
  return dweight;
}

// Row r of dx has position (first_position + r) % positions.
inline DoubleMatrix PositionsBackward(const DoubleMatrix& dx, int64_t positions,
                                      int64_t first_position) {
  DoubleMatrix dpositions(positions, dx.columns);
  for (int64_t r = 0; r < dx.rows; ++r) {
    for (int64_t c = 0; c < dx.columns; ++c) {
      dpositions((first_position + r) % positions, c) += dx(r, c);
    }
  }
  return dpositions;
}

// losses [rows, 1].
inline DoubleMatrix CrossEntropyForward(const std::vector<int32_t>& labels,
                                        const DoubleMatrix& logits) {
  DoubleMatrix losses(logits.rows, 1);
  for (int64_t r = 0; r < logits.rows; ++r) {
    double largest = logits(r, 0), sum = 0;
    for (int64_t c = 0; c < logits.columns; ++c) {
      largest = std::max(largest, logits(r, c));
    }
    for (int64_t c = 0; c < logits.columns; ++c) {
      sum += std::exp(logits(r, c) - largest);
    }
    losses(r, 0) =
        std::log(sum) + largest - logits(r, labels[static_cast<size_t>(r)]);
  }
  return losses;
}

// dlosses [rows, 1].
inline DoubleMatrix CrossEntropyBackward(const std::vector<int32_t>& labels,
                                         const DoubleMatrix& logits,
                                         const DoubleMatrix& dlosses) {
  const DoubleMatrix losses = CrossEntropyForward(labels, logits);
  DoubleMatrix dlogits(logits.rows, logits.columns);
  for (int64_t r = 0; r < logits.rows; ++r) {
    const int32_t label = labels[static_cast<size_t>(r)];
    const double log_sum = losses(r, 0) + logits(r, label);
    for (int64_t c = 0; c < logits.columns; ++c) {
      dlogits(r, c) = dlosses(r, 0) *
                      (std::exp(logits(r, c) - log_sum) - (c == label ? 1 : 0));
    }
  }
  return dlogits;
}

}  // namespace hawser::reference

#endif  // HAWSER_WORKER_BACKEND_OPERATION_REFERENCE_H_
