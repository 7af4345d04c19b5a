// Where the tensors of a GPT are in its parameter vector
// (common/job/gpt_layout.h).
//
// Thread-safe: immutable.
#ifndef HAWSER_WORKER_MODEL_GPT_TENSORS_H_
#define HAWSER_WORKER_MODEL_GPT_TENSORS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/job/model_layout.h"
#include "proto/job.pb.h"

namespace hawser {

// A weight [outputs, inputs] and its bias [outputs]; offsets in elements.
struct LinearTensors {
  int64_t outputs = 0;
  int64_t inputs = 0;
  int64_t weight = 0;
  int64_t bias = -1;  // none
};

// Both [width].
struct NormTensors {
  int64_t weight = 0;
  int64_t bias = -1;  // none
};

struct BlockTensors {
  NormTensors attention_norm;
  LinearTensors qkv;
  LinearTensors attention_output;
  NormTensors feed_forward_norm;
  LinearTensors up;
  LinearTensors down;
};

struct GptTensors {
  GptTensors(const GptSpec& spec, const ModelLayout& layout);

  int64_t parameters = 0;
  int64_t token_embedding = 0;      // [vocabulary, width]
  int64_t position_embedding = -1;  // [context, width]; none
  std::vector<BlockTensors> blocks;
  NormTensors final_norm;
  int64_t head = 0;  // [vocabulary, width]: the token embedding, if tied
};

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_GPT_TENSORS_H_
