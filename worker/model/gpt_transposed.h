// The weights of one block, transposed: with many rows to multiply them by,
// products of the way there are so much faster with [inputs, outputs] than with
// [outputs, inputs] that transposing a block's weights just before pays.
#ifndef HAWSER_WORKER_MODEL_GPT_TRANSPOSED_H_
#define HAWSER_WORKER_MODEL_GPT_TRANSPOSED_H_

#include <cstdint>

#include "worker/backend/backend.h"
#include "worker/model/arena.h"
#include "worker/model/gpt_parameters.h"
#include "worker/model/gpt_shape.h"
#include "worker/model/gpt_tensors.h"

namespace hawser {

// Memory for the weights of a block, [inputs, outputs] each. 4 D (Q + D + U) +
// 4 F D bytes, in the terms of gpt_buffers.h, if TransposingPays.
struct TransposedWeights {
  Matrix qkv, attention_output, up, down;

  TransposedWeights() = default;
  TransposedWeights(const GptShape& shape, Arena* arena);

  // Reads the weights of a block; spread over the backend.
  void Fill(const GptParameters& parameters, const BlockTensors& tensors,
            Backend* backend) const;
};

// With bfloat16, products are about as fast either way; and so they are where
// whole batches are multiplied at once (Backend).
bool TransposingPays(const GptShape& shape, int64_t rows);

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_GPT_TRANSPOSED_H_
