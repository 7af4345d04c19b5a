// The buffers of a GPT. Rows are the tokens of a batch, sample after sample.
//
// Their sizes, for R rows, width D, inner width F (up U: F, or 2 F), Q outputs
// of the qkv projection, H heads, L layers, V vocabulary, e bytes per operand
// (4, or 2 with BFLOAT16):
//   residual stream        4 R D (L + 1)
//   a block's activations  R (e (3 D + Q + U + F) + 4 (D + H + 4)),
//                          times L, or once with recompute_activations
//   derivatives            R (4 * 3 D + e (D + Q)), and 2 e R D more if
//                          operands are not the derivatives themselves
//                          (BFLOAT16 or dropout)
//   head                   e R D + 8 R + 4 R + (4 + (e == 2 ? 2 : 0)) C V, C
//                          rows at a time (LogitRows)
//   transposed weights     of one block, if it pays (gpt_transposed.h)
// and 64 bytes more for each row of a multiple of 512 bytes (SpreadStride).
#ifndef HAWSER_WORKER_MODEL_GPT_BUFFERS_H_
#define HAWSER_WORKER_MODEL_GPT_BUFFERS_H_

#include <cstdint>
#include <vector>

#include "proto/job.pb.h"
#include "worker/backend/matrix.h"
#include "worker/model/arena.h"
#include "worker/model/gpt_shape.h"
#include "worker/model/gpt_transposed.h"

namespace hawser {

// The slot of a lane's working memory (Lane::Scratch) that a panel's products
// use, and how much of it.
inline constexpr int kProductSlot = 0;
inline int64_t ProductFloats(const GptShape& shape, int64_t panel_rows) {
  return panel_rows * shape.widest();
}

// What a block's way back needs of its way there.
struct BlockActivations {
  Matrix attention_input;                 // [R, D] any: the first norm's output
  float* attention_statistics = nullptr;  // [R, 2]
  Matrix qkv;                             // [R, Q] any
  Matrix attended;                        // [R, D] any
  float* log_sums = nullptr;              // [samples, H, context]
  Matrix middle;  // [R, D]: the residual stream between the two halves
  Matrix feed_forward_input;                 // [R, D] any
  float* feed_forward_statistics = nullptr;  // [R, 2]
  // [R, U] any: the first half's outputs; then their slopes; then, on the way
  // back, the derivative by them.
  Matrix up;
  Matrix activated;  // [R, F] any
};

struct GptBuffers {
  // rows: most rows of a batch. panel_rows, whole_batches: see Backend.
  GptBuffers(const GptSpec& spec, int64_t rows, int64_t panel_rows,
             bool whole_batches, Arena* arena);

  // Of logits, how many rows exist at a time.
  static int64_t LogitRows(int64_t vocabulary, int64_t rows,
                           int64_t panel_rows);

  const BlockActivations& block(int64_t k) const {
    return blocks[static_cast<size_t>(k) % blocks.size()];
  }

  std::vector<Matrix> stream;  // [R, D] each: into block k; the last: the head
  std::vector<BlockActivations> blocks;
  TransposedWeights transposed;  // of the block on its way there

  // Derivatives of the residual stream, of which each pass reads one and writes
  // another; and of what lies beside it.
  Matrix dstream[3];
  Matrix dattention_output;  // [R, D] any; empty: the derivative itself serves
  Matrix dfeed_forward_output;
  Matrix dattended;  // [R, D] any
  Matrix dqkv;       // [R, Q] any
  // [panels, 2 D]: each panel's part of the norms' weights and biases.
  Matrix dattention_norm;
  Matrix dfeed_forward_norm;
  Matrix dfinal_norm;

  Matrix head_input;                 // [R, D] any
  float* head_statistics = nullptr;  // [R, 2]
  Matrix logits;                     // [LogitRows, V]
  Matrix dlogits;                    // any; the same memory if float32
  float* losses = nullptr;           // [R]
};

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_GPT_BUFFERS_H_
