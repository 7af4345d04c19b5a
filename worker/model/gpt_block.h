// One block of a GPT: attention, then a feed-forward layer, each behind a norm
// and added to the residual stream.
#ifndef HAWSER_WORKER_MODEL_GPT_BLOCK_H_
#define HAWSER_WORKER_MODEL_GPT_BLOCK_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "worker/backend/backend.h"
#include "worker/model/gpt_buffers.h"
#include "worker/model/gpt_parameters.h"
#include "worker/model/gpt_shape.h"
#include "worker/model/gpt_tensors.h"
#include "worker/model/gpt_transposed.h"
#include "worker/model/model.h"

namespace hawser {

// The dropout of matrix number `matrix` of a micro-batch: 0 is the embedding's
// output; of block k, 3 k + 1 are the attention's weights (rows: sample, head,
// query), 3 k + 2 its output, 3 k + 3 the feed-forward layer's output. key:
// null when dropout is off.
Dropout DropoutOf(const GptSpec& spec, const MicroBatchKey* key,
                  int64_t matrix);

class GptBlock {
 public:
  // All outlive it. number: from 0.
  GptBlock(const GptSpec& spec, const BlockTensors& tensors, int64_t number,
           Backend* backend)
      : spec_(spec),
        shape_(spec),
        tensors_(tensors),
        number_(number),
        backend_(backend) {}

  // Reads the stream before the block, writes the one after it and what is
  // needed on the way back. rows: samples * context.
  void Forward(const GptParameters& parameters, const MicroBatchKey* key,
               int64_t rows, const GptBuffers& buffers) const;

  // Reads dstream[from] and writes dstream[(from + 2) % 3]; adds the weights'
  // gradients to what is to be run.
  void Backward(const GptParameters& parameters, const MicroBatchKey* key,
                int64_t rows, int from, const GptBuffers& buffers,
                WeightGradients* gradients) const;

 private:
  Norm NormOf(const GptParameters& parameters,
              const NormTensors& tensors) const;
  struct Heads;
  struct QueriesKeysValues;
  void ForEachHeads(int64_t rows,
                    absl::FunctionRef<void(Lane&, const Heads&)> work) const;
  Attention AttentionOf(const MicroBatchKey* key, const Heads& heads) const;
  int64_t FirstOf(const Heads& heads) const;
  Matrix PartOf(const Heads& heads, const Matrix& x, int64_t first,
                int64_t columns) const;
  void ProjectToQueries(const GptParameters& parameters,
                        const TransposedWeights& transposed, int64_t rows,
                        const GptBuffers& buffers) const;
  void Attend(const MicroBatchKey* key, int64_t rows,
              const GptBuffers& buffers) const;
  void FeedForwardHalf(const GptParameters& parameters,
                       const TransposedWeights& transposed,
                       const MicroBatchKey* key, int64_t rows,
                       const GptBuffers& buffers) const;
  void FeedForwardHalfBack(const GptParameters& parameters,
                           const MicroBatchKey* key, int64_t rows, int from,
                           const GptBuffers& buffers) const;
  void AttendBack(const MicroBatchKey* key, int64_t rows,
                  const GptBuffers& buffers) const;
  void ProjectToQueriesBack(const GptParameters& parameters, int64_t rows,
                            int middle, int to,
                            const GptBuffers& buffers) const;
  void Rotate(bool backward, int64_t first_row, Matrix qkv, Lane* lane) const;

  const GptSpec& spec_;
  const GptShape shape_;
  const BlockTensors& tensors_;
  const int64_t number_;
  Backend* const backend_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_GPT_BLOCK_H_
