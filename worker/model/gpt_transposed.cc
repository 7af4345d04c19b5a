#include "worker/model/gpt_transposed.h"

#include <algorithm>
#include <array>

namespace hawser {
namespace {

// Rows that make up for transposing, in a few panels.
constexpr int64_t kFewestRows = 512;

// Outputs that a task transposes.
constexpr int64_t kPiece = 64;

}  // namespace

bool TransposingPays(const GptShape& shape, int64_t rows) {
  return shape.element == Element::kFloat32 && rows >= kFewestRows;
}

TransposedWeights::TransposedWeights(const GptShape& shape, Arena* arena)
    : qkv(arena->TakeMatrix(shape.width, shape.qkv, shape.element)),
      attention_output(
          arena->TakeMatrix(shape.width, shape.width, shape.element)),
      up(arena->TakeMatrix(shape.width, shape.up, shape.element)),
      down(arena->TakeMatrix(shape.inner, shape.width, shape.element)) {}

void TransposedWeights::Fill(const GptParameters& parameters,
                             const BlockTensors& tensors,
                             Backend* backend) const {
  struct Pair {
    ConstMatrix from;
    Matrix to;
  };
  const std::array<Pair, 4> pairs{
      Pair{parameters.Weight(tensors.qkv), qkv},
      Pair{parameters.Weight(tensors.attention_output), attention_output},
      Pair{parameters.Weight(tensors.up), up},
      Pair{parameters.Weight(tensors.down), down}};
  int64_t tasks = 0;
  for (const Pair& pair : pairs) {
    tasks += (pair.from.rows() + kPiece - 1) / kPiece;
  }
  backend->ForEach(tasks, [&](Lane& lane, int64_t task) {
    for (const Pair& pair : pairs) {
      const int64_t first = task * kPiece;
      if (first < pair.from.rows()) {
        const int64_t count = std::min(kPiece, pair.from.rows() - first);
        lane.Transpose(pair.from.Rows(first, count),
                       pair.to.Columns(first, count));
        return;
      }
      task -= (pair.from.rows() + kPiece - 1) / kPiece;
    }
  });
}

}  // namespace hawser
