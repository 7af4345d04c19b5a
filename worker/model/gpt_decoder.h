// A GPT that reads a text as it grows and says what may follow: inference, with
// the keys and values of the text so far kept (KeyValueCache), so that a token
// costs the same whether it is the first or the last of the context. It does
// the operations of training, without their way back.
//
// A text longer than the context is read from a later start: when it outgrows
// the context, the first half of what was read is forgotten, and the rest read
// again from position 0 on. With n tokens in all, context C and D = C - C / 2
// (rounded down), reading starts at token D * ceil((n - C) / D), or 0: the
// result does not depend on the pieces in which a text comes.
//
// A single row's products are as fast as the weights can be read, hence cut
// into slices of outputs, which several threads read: by their shape alone, so
// that no bit depends on the number of threads.
//
// Thread-compatible.
//
//   ASSIGN_OR_RETURN(const auto decoder, GptDecoder::Make(spec, theta, &pool));
//   absl::Span<const float> logits = decoder->Append(prompt);
//   for (...) logits = decoder->Append({Choose(logits)});
#ifndef HAWSER_WORKER_MODEL_GPT_DECODER_H_
#define HAWSER_WORKER_MODEL_GPT_DECODER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/job/model_layout.h"
#include "proto/job.pb.h"
#include "worker/backend/backend.h"
#include "worker/backend/thread_pool.h"
#include "worker/model/arena.h"
#include "worker/model/gpt_parameters.h"
#include "worker/model/gpt_shape.h"
#include "worker/model/gpt_tensors.h"
#include "worker/model/key_value_cache.h"

namespace hawser {

class GptDecoder {
 public:
  // spec: completed (job_rules.h). parameters: as gpt_layout.h has them. pool
  // outlives the decoder. INVALID_ARGUMENT: not so many parameters.
  // FAILED_PRECONDITION: this machine cannot compute with the spec's precision.
  // RESOURCE_EXHAUSTED: no memory for the context.
  static absl::StatusOr<std::unique_ptr<GptDecoder>> Make(
      const GptSpec& spec, std::vector<float> parameters, ThreadPool* pool);

  // Adds to the text and returns the logits [vocabulary] of the token that
  // follows it, which stay until the next call. tokens: not empty, each below
  // the vocabulary (CHECKed).
  absl::Span<const float> Append(absl::Span<const int32_t> tokens);

 private:
  GptDecoder(const GptSpec& spec, const ModelLayout& layout,
             std::vector<float> parameters, KeyValueCache cache,
             std::unique_ptr<Backend> backend);

  void PrepareOperands();
  // Reads tokens at most one buffer long, from `position` on.
  void Read(absl::Span<const int32_t> tokens, int64_t position);
  void Embed(absl::Span<const int32_t> tokens, int64_t position);
  void Attend(int64_t block, int64_t position, int64_t rows);
  void FeedForwardHalf(int64_t block, int64_t rows);
  void ComputeLogits(int64_t row);
  // y = x weight^T + bias.
  void Multiply(ConstMatrix x, ConstMatrix weight, const float* bias, Matrix y);
  Norm NormOf(const NormTensors& tensors) const;

  const GptSpec spec_;
  const GptShape shape_;
  const GptTensors tensors_;
  const std::vector<float> theta_;
  const KeyValueCache cache_;
  const std::unique_ptr<Backend> backend_;

  std::vector<int32_t> text_;  // what is read of it
  int64_t cached_ = 0;         // tokens of text_ in the cache

  // Of the rows that are being read.
  Arena arena_;
  GptParameters parameters_;
  Matrix stream_;   // [R, D]
  Matrix product_;  // [R, D]
  float* statistics_;
  Matrix input_;      // [R, D] any
  Matrix qkv_;        // [R, Q] any
  Matrix attended_;   // [R, D] any
  Matrix up_;         // [R, U] any
  Matrix activated_;  // [R, F] any
  Matrix logits_;     // [1, V]
};

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_GPT_DECODER_H_
