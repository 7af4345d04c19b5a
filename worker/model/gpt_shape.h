// The sizes of a GPT, in elements.
#ifndef HAWSER_WORKER_MODEL_GPT_SHAPE_H_
#define HAWSER_WORKER_MODEL_GPT_SHAPE_H_

#include <cmath>
#include <cstdint>

#include "proto/job.pb.h"
#include "worker/backend/matrix.h"

namespace hawser {

struct GptShape {
  // spec: completed (job_rules.h).
  explicit GptShape(const GptSpec& spec)
      : vocabulary(spec.vocabulary()),
        context(spec.context()),
        width(spec.width()),
        layers(spec.layers()),
        heads(spec.heads()),
        key_value_heads(spec.key_value_heads()),
        head_width(width / heads),
        qkv((heads + 2 * key_value_heads) * head_width),
        inner(spec.feed_forward_width()),
        up(spec.feed_forward() == FEED_FORWARD_SWIGLU ? 2 * inner : inner),
        element(spec.precision() == BFLOAT16 ? Element::kBfloat16
                                             : Element::kFloat32) {}

  // Heads of queries that share one of keys and values.
  int64_t group() const { return heads / key_value_heads; }
  // Columns of what a panel's products need besides (kProductSlot).
  int64_t widest() const { return width > inner ? width : inner; }
  float attention_scale() const {
    return 1.0f / std::sqrt(static_cast<float>(head_width));
  }

  int64_t vocabulary;
  int64_t context;
  int64_t width;
  int64_t layers;
  int64_t heads;
  int64_t key_value_heads;
  int64_t head_width;
  int64_t qkv;      // outputs of the projection to queries, keys and values
  int64_t inner;    // inputs of the feed-forward layer's second half
  int64_t up;       // outputs of its first half
  Element element;  // of what products multiply
};

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_GPT_SHAPE_H_
