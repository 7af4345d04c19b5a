#include "worker/backend/cpu/attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "worker/backend/cpu/element_wise.h"
#include "worker/backend/cpu/softmax_tile.h"

namespace hawser {
namespace {

constexpr int64_t kQueryTile = 64;
constexpr int64_t kKeyTile = 128;
// Keys are multiplied in multiples of so many, where there are as many: what a
// query does not see gets weight 0. So text that grows token by token does not
// ask for a product of a new shape each time.
constexpr int64_t kKeyMultiple = 64;

// Numbers of the working matrices.
enum Working {
  kScores,
  kScoresRounded,
  kOutput,
  kWeightGradient,
  kWeightGradientRounded,
  kQueryGradient,
  kKeyGradient,
  kValueGradient,
};

float DotRowOf(ConstMatrix x, ConstMatrix y, int64_t r) {
  return x.element() == Element::kFloat32
             ? DotRow(x.columns(), x.Row<float>(r), y.Row<float>(r))
             : DotRow(x.columns(), x.Row<Bfloat16>(r), y.Row<Bfloat16>(r));
}

void Zero(Matrix x) {
  for (int64_t r = 0; r < x.rows(); ++r) {
    std::fill_n(x.Row<float>(r), x.columns(), 0.0f);
  }
}

void CheckShapes(const Attention& attention, ConstMatrix q, ConstMatrix k,
                 ConstMatrix v, ConstMatrix y) {
  CHECK_EQ(q.columns() % attention.head_width, 0);
  CHECK_EQ(k.columns(), attention.head_width);
  CHECK_EQ(v.columns(), attention.head_width);
  CHECK_EQ(k.rows(), v.rows());
  CHECK_EQ(q.rows(), y.rows());
  CHECK_EQ(q.columns(), y.columns());
  CHECK_LE(attention.first_position + q.rows(), k.rows());
}

}  // namespace

// Some queries of one head.
struct CpuAttention::Tile {
  Tile(int64_t head, int64_t head_queries, int64_t first_query, int64_t queries,
       int64_t first_position, int64_t all_keys)
      : head(head),
        head_queries(head_queries),
        first_query(first_query),
        queries(queries),
        keys(std::min(all_keys, (first_position + first_query + queries +
                                 kKeyMultiple - 1) /
                                    kKeyMultiple * kKeyMultiple)),
        all_keys(all_keys) {}

  int64_t head;
  int64_t head_queries;  // of the whole head
  int64_t first_query;
  int64_t queries;
  int64_t keys;  // those that its last query sees, and some more
  int64_t all_keys;

  // Of the keys from first_key on, how many query i of the tile sees.
  int64_t Visible(int64_t first_position, int64_t i, int64_t first_key,
                  int64_t count) const {
    return std::clamp<int64_t>(first_position + first_query + i + 1 - first_key,
                               0, count);
  }
};

Matrix CpuAttention::Working(int number, int64_t rows, int64_t columns,
                             Element element) {
  std::vector<float>& memory = working_[number];
  if (static_cast<int64_t>(memory.size()) < rows * columns) {
    memory.resize(static_cast<size_t>(rows * columns));
  }
  return {memory.data(), rows, columns, columns, element};
}

Matrix CpuAttention::AsOperand(int number, Matrix x, Element element) {
  if (element == Element::kFloat32) return x;
  const Matrix rounded = Working(number, x.rows(), x.columns(), element);
  CpuConvert(x, rounded);
  return rounded;
}

void CpuAttention::DropWeights(const Attention& attention, const Tile& tile,
                               int64_t first_key, Matrix weights) {
  if (attention.dropout.rate == 0) return;
  factors_.resize(kKeyTile);
  for (int64_t i = 0; i < weights.rows(); ++i) {
    const int64_t row = attention.dropout.first_row +
                        tile.head * tile.head_queries + tile.first_query + i;
    DropoutFactors(attention.dropout, row * tile.all_keys + first_key,
                   weights.columns(), factors_.data());
    MultiplyRow(factors_.data(), weights.columns(), weights.Row<float>(i));
  }
}

void CpuAttention::ForwardTile(const Attention& attention, const Tile& tile,
                               ConstMatrix q, ConstMatrix k, ConstMatrix v,
                               Matrix y, float* log_sums) {
  std::array<float, kQueryTile> largest;
  std::array<float, kQueryTile> sums;
  largest.fill(-std::numeric_limits<float>::max());
  sums.fill(0);
  const Element element = q.element();
  const Matrix output =
      Working(kOutput, tile.queries, attention.head_width, Element::kFloat32);
  for (int64_t first = 0; first < tile.keys; first += kKeyTile) {
    const int64_t count = std::min(kKeyTile, tile.keys - first);
    const Matrix scores =
        Working(kScores, tile.queries, count, Element::kFloat32);
    products_->Multiply({.transpose_b = true}, q, k.Rows(first, count), scores);
    for (int64_t i = 0; i < tile.queries; ++i) {
      auto* row = scores.Row<float>(i);
      const int64_t visible =
          tile.Visible(attention.first_position, i, first, count);
      if (visible == 0) {
        std::fill_n(row, count, 0.0f);
        continue;
      }
      const auto index = static_cast<size_t>(i);
      const float correction = SoftmaxTileRow(
          attention.scale, visible, count, row, &largest[index], &sums[index]);
      if (first == 0) continue;
      auto* sum = output.Row<float>(i);
      ScaleRow(correction, attention.head_width, sum, sum);
    }
    DropWeights(attention, tile, first, scores);
    products_->Multiply({.accumulate = first != 0},
                        AsOperand(kScoresRounded, scores, element),
                        v.Rows(first, count), output);
  }
  for (int64_t i = 0; i < tile.queries; ++i) {
    const auto index = static_cast<size_t>(i);
    log_sums[i] = largest[index] + std::log(sums[index]);
    const float scale = 1 / sums[index];
    if (element == Element::kFloat32) {
      ScaleRow(scale, attention.head_width, output.Row<float>(i),
               y.Row<float>(i));
    } else {
      ScaleRow(scale, attention.head_width, output.Row<float>(i),
               y.Row<Bfloat16>(i));
    }
  }
}

void CpuAttention::Forward(const Attention& attention, ConstMatrix q,
                           ConstMatrix k, ConstMatrix v, Matrix y,
                           float* log_sums) {
  CheckShapes(attention, q, k, v, y);
  const int64_t width = attention.head_width;
  for (int64_t h = 0; h < q.columns() / width; ++h) {
    for (int64_t i = 0; i < q.rows(); i += kQueryTile) {
      const int64_t count = std::min(kQueryTile, q.rows() - i);
      const Tile tile(h, q.rows(), i, count, attention.first_position,
                      k.rows());
      ForwardTile(attention, tile, q.Columns(h * width, width).Rows(i, count),
                  k, v, y.Columns(h * width, width).Rows(i, count),
                  log_sums + h * q.rows() + i);
    }
  }
}

// What a tile's way back reads and adds to.
struct CpuAttention::HeadBackward {
  ConstMatrix q, k, v, y, dy;  // q, y and dy of the tile
  const float* log_sums;
  Matrix dq;  // of the tile
  Matrix dk;  // float32 sums over tiles and heads
  Matrix dv;
};

void CpuAttention::BackwardTile(const Attention& attention, const Tile& tile,
                                const HeadBackward& head) {
  const Element element = head.q.element();
  std::array<float, kQueryTile> deltas;
  for (int64_t i = 0; i < tile.queries; ++i) {
    deltas[static_cast<size_t>(i)] = DotRowOf(head.y, head.dy, i);
  }
  const Matrix dq = Working(kQueryGradient, tile.queries, attention.head_width,
                            Element::kFloat32);
  for (int64_t first = 0; first < tile.keys; first += kKeyTile) {
    const int64_t count = std::min(kKeyTile, tile.keys - first);
    const ConstMatrix k = head.k.Rows(first, count);
    const Matrix weights =
        Working(kScores, tile.queries, count, Element::kFloat32);
    const Matrix dweights =
        Working(kWeightGradient, tile.queries, count, Element::kFloat32);
    products_->Multiply({.transpose_b = true}, head.q, k, weights);
    products_->Multiply({.transpose_b = true}, head.dy,
                        head.v.Rows(first, count), dweights);
    DropWeights(attention, tile, first, dweights);
    for (int64_t i = 0; i < tile.queries; ++i) {
      WeightsTileRow(attention.scale, head.log_sums[i],
                     tile.Visible(attention.first_position, i, first, count),
                     count, weights.Row<float>(i));
      ScoreGradientTileRow(attention.scale, deltas[static_cast<size_t>(i)],
                           count, weights.Row<float>(i),
                           dweights.Row<float>(i));
    }
    DropWeights(attention, tile, first, weights);
    products_->Multiply({.transpose_a = true, .accumulate = true},
                        AsOperand(kScoresRounded, weights, element), head.dy,
                        head.dv.Rows(first, count));
    const ConstMatrix dscores =
        AsOperand(kWeightGradientRounded, dweights, element);
    products_->Multiply({.accumulate = first != 0}, dscores, k, dq);
    products_->Multiply({.transpose_a = true, .accumulate = true}, dscores,
                        head.q, head.dk.Rows(first, count));
  }
  CpuConvert(dq, head.dq);
}

void CpuAttention::Backward(const Attention& attention, ConstMatrix q,
                            ConstMatrix k, ConstMatrix v, ConstMatrix y,
                            const float* log_sums, ConstMatrix dy, Matrix dq,
                            Matrix dk, Matrix dv) {
  CheckShapes(attention, q, k, v, y);
  const int64_t width = attention.head_width;
  const Matrix dk_sum =
      Working(kKeyGradient, k.rows(), width, Element::kFloat32);
  const Matrix dv_sum =
      Working(kValueGradient, k.rows(), width, Element::kFloat32);
  Zero(dk_sum);
  Zero(dv_sum);
  for (int64_t h = 0; h < q.columns() / width; ++h) {
    for (int64_t i = 0; i < q.rows(); i += kQueryTile) {
      const int64_t count = std::min(kQueryTile, q.rows() - i);
      const Tile tile(h, q.rows(), i, count, attention.first_position,
                      k.rows());
      const auto part = [&](auto x) {
        return x.Columns(h * width, width).Rows(i, count);
      };
      BackwardTile(attention, tile,
                   {part(q), k, v, part(y), part(dy),
                    log_sums + h * q.rows() + i, part(dq), dk_sum, dv_sum});
    }
  }
  CpuConvert(dk_sum, dk);
  CpuConvert(dv_sum, dv);
}

}  // namespace hawser
