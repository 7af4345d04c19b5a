#include "worker/model/gpt_buffers.h"

#include <algorithm>

namespace hawser {
namespace {

// Logits are the largest thing there is: 128 MiB of them at a time.
constexpr int64_t kMaxLogits = int64_t{1} << 25;

float* TakeFloats(int64_t n, Arena* arena) {
  return static_cast<float*>(arena->Take(4 * n));
}

BlockActivations TakeBlock(const GptShape& shape, int64_t rows, Arena* arena) {
  BlockActivations block;
  block.attention_input = arena->TakeMatrix(rows, shape.width, shape.element);
  block.attention_statistics = TakeFloats(2 * rows, arena);
  block.qkv = arena->TakeMatrix(rows, shape.qkv, shape.element);
  block.attended = arena->TakeMatrix(rows, shape.width, shape.element);
  block.log_sums = TakeFloats(rows * shape.heads, arena);
  block.middle = arena->TakeMatrix(rows, shape.width, Element::kFloat32);
  block.feed_forward_input =
      arena->TakeMatrix(rows, shape.width, shape.element);
  block.feed_forward_statistics = TakeFloats(2 * rows, arena);
  block.up = arena->TakeMatrix(rows, shape.up, shape.element);
  block.activated = arena->TakeMatrix(rows, shape.inner, shape.element);
  return block;
}

}  // namespace

int64_t GptBuffers::LogitRows(int64_t vocabulary, int64_t rows,
                              int64_t panel_rows) {
  const int64_t panels =
      std::max<int64_t>(1, kMaxLogits / vocabulary / panel_rows);
  return std::min(rows, panels * panel_rows);
}

GptBuffers::GptBuffers(const GptSpec& spec, int64_t rows, int64_t panel_rows,
                       bool whole_batches, Arena* arena) {
  const GptShape shape(spec);
  const Element element = shape.element;
  const int64_t width = shape.width;
  for (int64_t k = 0; k <= shape.layers; ++k) {
    stream.push_back(arena->TakeMatrix(rows, width, Element::kFloat32));
  }
  const int64_t kept = spec.recompute_activations() ? 1 : shape.layers;
  for (int64_t k = 0; k < kept; ++k) {
    blocks.push_back(TakeBlock(shape, rows, arena));
  }
  if (!whole_batches && TransposingPays(shape, rows)) {
    transposed = TransposedWeights(shape, arena);
  }
  for (Matrix& derivative : dstream) {
    derivative = arena->TakeMatrix(rows, width, Element::kFloat32);
  }
  if (element != Element::kFloat32 || spec.dropout() > 0) {
    dattention_output = arena->TakeMatrix(rows, width, element);
    dfeed_forward_output = arena->TakeMatrix(rows, width, element);
  }
  dattended = arena->TakeMatrix(rows, width, element);
  dqkv = arena->TakeMatrix(rows, shape.qkv, element);
  const int64_t panels = (rows + panel_rows - 1) / panel_rows;
  for (Matrix* sums : {&dattention_norm, &dfeed_forward_norm, &dfinal_norm}) {
    *sums = arena->TakeMatrix(panels, 2 * width, Element::kFloat32);
  }
  head_input = arena->TakeMatrix(rows, width, element);
  head_statistics = TakeFloats(2 * rows, arena);
  const int64_t logit_rows = LogitRows(shape.vocabulary, rows, panel_rows);
  logits = arena->TakeMatrix(logit_rows, shape.vocabulary, Element::kFloat32);
  dlogits = element == Element::kFloat32
                ? logits
                : arena->TakeMatrix(logit_rows, shape.vocabulary, element);
  losses = TakeFloats(rows, arena);
}

}  // namespace hawser
