// The end of a GPT: the last norm, the product with the token embedding (or a
// head of its own), softmax and cross-entropy. Logits exist for some rows at a
// time only.
#ifndef HAWSER_WORKER_MODEL_GPT_HEAD_H_
#define HAWSER_WORKER_MODEL_GPT_HEAD_H_

#include <cstdint>

#include "absl/types/span.h"
#include "worker/backend/backend.h"
#include "worker/model/gpt_buffers.h"
#include "worker/model/gpt_parameters.h"
#include "worker/model/gpt_shape.h"
#include "worker/model/gpt_tensors.h"

namespace hawser {

class GptHead {
 public:
  // All outlive it.
  GptHead(const GptSpec& spec, const GptTensors& tensors, Backend* backend)
      : spec_(spec), shape_(spec), tensors_(tensors), backend_(backend) {}

  // The losses of the last stream's rows, in nats, to buffers.losses.
  void Forward(const GptParameters& parameters,
               absl::Span<const int32_t> labels,
               const GptBuffers& buffers) const;

  // The same; also writes scale * d(sum of losses)/d(stream) to dstream[to] and
  // the gradients of the final norm and of the head's weight.
  void Backward(const GptParameters& parameters,
                absl::Span<const int32_t> labels, float scale, int to,
                const GptBuffers& buffers, WeightGradients* gradients) const;

 private:
  Norm FinalNorm(const GptParameters& parameters) const;
  // The logits of rows [first, first + count) of the batch.
  void ComputeLogits(const GptParameters& parameters, int64_t first,
                     int64_t count, const GptBuffers& buffers, Matrix logits,
                     Lane* lane) const;

  const GptSpec& spec_;
  const GptShape shape_;
  const GptTensors& tensors_;
  Backend* const backend_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_GPT_HEAD_H_
