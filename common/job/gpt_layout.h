// The tensors of a GPT, in the order of the parameter vector. H heads, G heads
// of keys and values, D width, d = D / H, F feed-forward width, V vocabulary, T
// context, K the block's number from 0. Weights are [outputs, inputs].
//
//   layer "embedding":  token_embedding.weight        [V, D]
//                       position_embedding.weight     [T, D]   LEARNED
//   layer "blocks.K":   blocks.K.attention_norm.weight, .bias  [D]
//                       blocks.K.attention.qkv.weight [(H + 2 G) d, D], .bias
//                         rows: queries, then keys, then values, head by head
//                       blocks.K.attention.output.weight [D, D], .bias
//                       blocks.K.feed_forward_norm.weight, .bias  [D]
//                       blocks.K.feed_forward.up.weight [F, D], .bias
//                         SWIGLU: [2 F, D], the gate's rows first
//                       blocks.K.feed_forward.down.weight [D, F], .bias
//   layer "head":       final_norm.weight, .bias      [D]
//                       head.weight                   [V, D]   untied_head
//
// Biases are absent with no_biases, and those of RMS_NORM always.
#ifndef HAWSER_COMMON_JOB_GPT_LAYOUT_H_
#define HAWSER_COMMON_JOB_GPT_LAYOUT_H_

#include "absl/status/statusor.h"
#include "common/job/model_layout.h"
#include "proto/job.pb.h"

namespace hawser {

// gpt: completed (job_rules.h). INVALID_ARGUMENT: too many parameters.
absl::StatusOr<ModelLayout> LayoutOfGpt(const GptSpec& gpt);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_GPT_LAYOUT_H_
