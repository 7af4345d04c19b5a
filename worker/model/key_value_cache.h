// The keys and values of a text so far, block by block and group by group of
// heads: what attention reads of earlier tokens.
#ifndef HAWSER_WORKER_MODEL_KEY_VALUE_CACHE_H_
#define HAWSER_WORKER_MODEL_KEY_VALUE_CACHE_H_

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "worker/backend/matrix.h"
#include "worker/model/gpt_shape.h"

namespace hawser {

class KeyValueCache {
 public:
  // Zeros; the system gives the memory when it is first written.
  // RESOURCE_EXHAUSTED: there is not so much.
  static absl::StatusOr<KeyValueCache> Make(const GptShape& shape) {
    const int64_t bytes = 2 * shape.layers * shape.key_value_heads *
                          shape.context * shape.head_width *
                          BytesOf(shape.element);
    std::unique_ptr<void, decltype(&std::free)> memory(
        std::calloc(static_cast<size_t>(bytes), 1), &std::free);
    if (memory == nullptr) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "no memory for ", bytes, " bytes of keys and values, those of ",
          shape.context, " tokens"));
    }
    return KeyValueCache(shape, std::move(memory));
  }

  // [context, head_width]: any.
  Matrix Keys(int64_t block, int64_t group) const {
    return At(block, 0, group);
  }
  Matrix Values(int64_t block, int64_t group) const {
    return At(block, 1, group);
  }

 private:
  KeyValueCache(const GptShape& shape,
                std::unique_ptr<void, decltype(&std::free)> memory)
      : shape_(shape), memory_(std::move(memory)) {}

  Matrix At(int64_t block, int64_t part, int64_t group) const {
    const int64_t before =
        ((2 * block + part) * shape_.key_value_heads + group) * shape_.context *
        shape_.head_width;
    return {static_cast<std::byte*>(memory_.get()) +
                before * BytesOf(shape_.element),
            shape_.context, shape_.head_width, shape_.head_width,
            shape_.element};
  }

  GptShape shape_;
  std::unique_ptr<void, decltype(&std::free)> memory_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_MODEL_KEY_VALUE_CACHE_H_
