#include "server/float_buffer.h"

#include <atomic>
#include <cstdlib>

#include "glog/logging.h"

namespace hawser {

constexpr size_t kAlignment = 64;

FloatBuffer::FloatBuffer(int64_t elements) : elements_(elements) {
  size_t bytes = static_cast<size_t>(elements) * sizeof(float);
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  data_.reset(static_cast<float*>(std::aligned_alloc(kAlignment, bytes)));
  CHECK(data_ != nullptr) << "out of memory for a block of " << bytes
                          << " bytes";
}

void FloatBuffer::Free::operator()(float* data) const { std::free(data); }

std::shared_ptr<FloatBuffer> FloatBufferPool::Take() {
  for (const std::shared_ptr<FloatBuffer>& buffer : buffers_) {
    if (buffer.use_count() == 1) {
      // Pairs with the release of the last reader's reference.
      std::atomic_thread_fence(std::memory_order_acquire);
      return buffer;
    }
  }
  buffers_.push_back(std::make_shared<FloatBuffer>(elements_));
  return buffers_.back();
}

}  // namespace hawser
