// A thread of the CPU as a lane. See lane.h for what each operation does.
#ifndef HAWSER_WORKER_BACKEND_CPU_CPU_LANE_H_
#define HAWSER_WORKER_BACKEND_CPU_CPU_LANE_H_

#include <array>
#include <vector>

#include "worker/backend/cpu/attention.h"
#include "worker/backend/cpu/attention_parts.h"
#include "worker/backend/cpu/cross_entropy.h"
#include "worker/backend/cpu/element_wise.h"
#include "worker/backend/cpu/embedding.h"
#include "worker/backend/cpu/feed_forward.h"
#include "worker/backend/cpu/matrix_products.h"
#include "worker/backend/cpu/norm.h"
#include "worker/backend/cpu/rotary.h"
#include "worker/backend/cpu/row_product.h"
#include "worker/backend/cpu/transpose.h"
#include "worker/backend/lane.h"

namespace hawser {

class CpuLane : public Lane {
 public:
  CpuLane() : attention_(&products_) {}

  void Multiply(const Product& product, ConstMatrix a, ConstMatrix b,
                Matrix c) override {
    if (IsRowProduct(product, a, c)) {
      CpuMultiplyRow(product, a, b, c);
    } else {
      products_.Multiply(product, a, b, c);
    }
  }
  void SumRows(ConstMatrix x, float* sums) override { CpuSumRows(x, sums); }
  void Convert(ConstMatrix x, Matrix y) override { CpuConvert(x, y); }
  void Fill(float value, Matrix x) override { CpuFill(value, x); }
  void Transpose(ConstMatrix x, Matrix y) override { CpuTranspose(x, y); }
  void NormForward(const Norm& norm, ConstMatrix x, Matrix y,
                   float* statistics) override {
    CpuNormForward(norm, x, y, statistics);
  }
  void NormBackward(const Norm& norm, ConstMatrix x, const float* statistics,
                    ConstMatrix dy, ConstMatrix residual, Matrix dx,
                    float* dweight, float* dbias) override {
    CpuNormBackward(norm, x, statistics, dy, residual, dx, dweight, dbias);
  }
  void FeedForwardForward(FeedForward kind, Matrix x, Matrix y) override {
    CpuFeedForwardForward(kind, x, y);
  }
  void FeedForwardBackward(ConstMatrix dy, Matrix x) override {
    CpuFeedForwardBackward(dy, x);
  }
  void AddDropped(const Dropout& dropout, ConstMatrix x, ConstMatrix z,
                  Matrix y) override {
    CpuAddDropped(dropout, x, z, y);
  }
  void Drop(const Dropout& dropout, ConstMatrix dy, Matrix dz) override {
    CpuDrop(dropout, dy, dz);
  }
  void Rotate(int64_t head_width, double base, int64_t context,
              int64_t first_position, bool backward, Matrix x) override {
    rotary_.Rotate(head_width, base, context, first_position, backward, x);
  }
  void AttentionForward(const Attention& attention, ConstMatrix q,
                        ConstMatrix k, ConstMatrix v, Matrix y,
                        float* log_sums) override {
    ForEachPart(attention, q, k, [&](const AttentionPart& part) {
      attention_.Forward(part.attention, part.OfQueries(q), part.OfKeys(k),
                         part.OfKeys(v), part.OfQueries(y),
                         part.OfLogSums(log_sums));
    });
  }
  void AttentionBackward(const Attention& attention, ConstMatrix q,
                         ConstMatrix k, ConstMatrix v, ConstMatrix y,
                         const float* log_sums, ConstMatrix dy, Matrix dq,
                         Matrix dk, Matrix dv) override {
    ForEachPart(attention, q, k, [&](const AttentionPart& part) {
      attention_.Backward(part.attention, part.OfQueries(q), part.OfKeys(k),
                          part.OfKeys(v), part.OfQueries(y),
                          part.OfLogSums(log_sums), part.OfQueries(dy),
                          part.OfQueries(dq), part.OfKeys(dk), part.OfKeys(dv));
    });
  }
  void EmbedForward(absl::Span<const int32_t> tokens, ConstMatrix weight,
                    ConstMatrix positions, int64_t first_position,
                    Matrix x) override {
    CpuEmbedForward(tokens, weight, positions, first_position, x);
  }
  void EmbedBackward(absl::Span<const int32_t> tokens, ConstMatrix dx,
                     Matrix dweight) override {
    CpuEmbedBackward(tokens, dx, dweight);
  }
  void PositionsBackward(ConstMatrix dx, int64_t context, int64_t first,
                         Matrix dpositions) override {
    CpuPositionsBackward(dx, context, first, dpositions);
  }
  void CrossEntropyBackward(absl::Span<const int32_t> labels,
                            ConstMatrix logits, float scale, float* losses,
                            Matrix dlogits) override {
    CpuCrossEntropyBackward(labels, logits, scale, losses, dlogits);
  }
  void CrossEntropyForward(absl::Span<const int32_t> labels, ConstMatrix logits,
                           float* losses) override {
    CpuCrossEntropyForward(labels, logits, losses);
  }
  float* Scratch(int slot, int64_t floats) override {
    std::vector<float>& memory = scratch_[static_cast<size_t>(slot)];
    if (static_cast<int64_t>(memory.size()) < floats) {
      memory.resize(static_cast<size_t>(floats));
    }
    return memory.data();
  }

 private:
  MatrixProducts products_;
  CpuAttention attention_;
  CpuRotary rotary_;
  std::array<std::vector<float>, 4> scratch_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_BACKEND_CPU_CPU_LANE_H_
