// Memory of one block: float32 values, aligned for the widest vectors, and the
// pool they come from and go back to.
#ifndef HAWSER_SERVER_FLOAT_BUFFER_H_
#define HAWSER_SERVER_FLOAT_BUFFER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"

namespace hawser {

class FloatBuffer {
 public:
  explicit FloatBuffer(int64_t elements);

  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  int64_t elements() const { return elements_; }
  absl::Span<const char> bytes() const {
    return {reinterpret_cast<const char*>(data_.get()),
            static_cast<size_t>(elements_) * sizeof(float)};
  }

  // Of bytes(), set by whoever wrote them.
  uint32_t crc32c = 0;

 private:
  struct Free {
    void operator()(float* data) const;
  };
  int64_t elements_;
  std::unique_ptr<float, Free> data_;
};

// Buffers of one size. Not thread-safe: it belongs to a block, and is used on
// the block's strand. Shared readers on other threads (frames on their way out,
// a checkpoint) hold a buffer by shared_ptr; it is used again when they are
// done with it, and nobody waits for them.
class FloatBufferPool {
 public:
  explicit FloatBufferPool(int64_t elements) : elements_(elements) {}

  // A buffer of undefined content that nobody else holds.
  std::shared_ptr<FloatBuffer> Take();

 private:
  int64_t elements_;
  std::vector<std::shared_ptr<FloatBuffer>> buffers_;  // free and in use
};

}  // namespace hawser

#endif  // HAWSER_SERVER_FLOAT_BUFFER_H_
