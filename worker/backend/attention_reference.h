// Attention as lane.h has it, in double precision, with all weights written
// out. See operation_reference.h.
#ifndef HAWSER_WORKER_BACKEND_ATTENTION_REFERENCE_H_
#define HAWSER_WORKER_BACKEND_ATTENTION_REFERENCE_H_

#include <cmath>
#include <cstdint>

#include "worker/backend/double_matrix.h"
#include "worker/backend/lane.h"
#include "worker/backend/operation_reference.h"

namespace hawser::reference {

struct AttentionGradient {
  DoubleMatrix dq, dk, dv;
};

class AttentionReference {
 public:
  // q [queries, heads * head_width], k and v [keys, head_width].
  AttentionReference(const Attention& attention, const DoubleMatrix& q,
                     const DoubleMatrix& k, const DoubleMatrix& v)
      : attention_(attention),
        q_(q),
        k_(k),
        v_(v),
        width_(attention.head_width),
        heads_(q.columns / width_),
        factors_(DropoutFactors(
            attention.dropout.rate, attention.dropout.random,
            attention.dropout.first_row, heads_ * q.rows, k.rows)),
        weights_(heads_ * q.rows, k.rows),
        log_sums_(heads_, q.rows) {
    for (int64_t h = 0; h < heads_; ++h) {
      for (int64_t i = 0; i < q.rows; ++i) ComputeWeights(h, i);
    }
  }

  DoubleMatrix Forward() const {
    DoubleMatrix y(q_.rows, q_.columns);
    const DoubleMatrix kept = Times(weights_, factors_);
    for (int64_t h = 0; h < heads_; ++h) {
      y.AddPart(0, h * width_, Product(OfHead(kept, h), v_));
    }
    return y;
  }

  const DoubleMatrix& log_sums() const { return log_sums_; }

  AttentionGradient Backward(const DoubleMatrix& dy) const {
    AttentionGradient gradient{DoubleMatrix(q_.rows, q_.columns),
                               DoubleMatrix(k_.rows, width_),
                               DoubleMatrix(k_.rows, width_)};
    const DoubleMatrix kept = Times(weights_, factors_);
    for (int64_t h = 0; h < heads_; ++h) {
      const DoubleMatrix dy_head = dy.Part(0, h * width_, q_.rows, width_);
      const DoubleMatrix q_head = q_.Part(0, h * width_, q_.rows, width_);
      const DoubleMatrix weights = OfHead(weights_, h);
      DoubleMatrix dscores =
          Times(Product(dy_head, Transposed(v_)), OfHead(factors_, h));
      for (int64_t i = 0; i < q_.rows; ++i) {
        double mean = 0;
        for (int64_t j = 0; j < k_.rows; ++j) {
          mean += weights(i, j) * dscores(i, j);
        }
        for (int64_t j = 0; j < k_.rows; ++j) {
          dscores(i, j) =
              attention_.scale * weights(i, j) * (dscores(i, j) - mean);
        }
      }
      gradient.dq.AddPart(0, h * width_, Product(dscores, k_));
      gradient.dk.AddPart(0, 0, Product(Transposed(dscores), q_head));
      gradient.dv.AddPart(0, 0, Product(Transposed(OfHead(kept, h)), dy_head));
    }
    return gradient;
  }

 private:
  void ComputeWeights(int64_t h, int64_t i) {
    const int64_t visible = attention_.first_position + i + 1;
    CHECK_LE(visible, k_.rows);
    const int64_t row = h * q_.rows + i;
    double sum = 0, largest = -INFINITY;
    for (int64_t j = 0; j < visible; ++j) {
      double score = 0;
      for (int64_t c = 0; c < width_; ++c) {
        score += q_(i, h * width_ + c) * k_(j, c);
      }
      weights_(row, j) = attention_.scale * score;
      largest = std::max(largest, weights_(row, j));
    }
    for (int64_t j = 0; j < visible; ++j) {
      sum += std::exp(weights_(row, j) - largest);
    }
    log_sums_(h, i) = largest + std::log(sum);
    for (int64_t j = 0; j < visible; ++j) {
      weights_(row, j) = std::exp(weights_(row, j) - log_sums_(h, i));
    }
  }

  DoubleMatrix OfHead(const DoubleMatrix& x, int64_t h) const {
    return x.Part(h * q_.rows, 0, q_.rows, k_.rows);
  }

  const Attention attention_;
  const DoubleMatrix q_, k_, v_;
  const int64_t width_;
  const int64_t heads_;
  const DoubleMatrix factors_;  // of dropout, [heads * queries, keys]
  DoubleMatrix weights_;        // before dropout, [heads * queries, keys]
  DoubleMatrix log_sums_;
};

}  // namespace hawser::reference

#endif  // HAWSER_WORKER_BACKEND_ATTENTION_REFERENCE_H_
