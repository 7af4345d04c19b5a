#include "server/float_buffer.h"

#include "common/crc32c.h"

namespace hawser {

FloatBuffer::FloatBuffer(int64_t elements, SharedMemory* memory)
    : elements_(elements),
      memory_(memory == nullptr ? SharedMemory::Ordinary(elements)
                                : memory->Allocate(elements)) {}

uint32_t FloatBuffer::Checksum() {
  checksum_asked_for_ = true;
  if (!crc32c_.has_value()) crc32c_ = Crc32c(bytes().data(), bytes().size());
  return *crc32c_;
}

std::shared_ptr<FloatBuffer> FloatBufferPool::Take() {
  for (const std::shared_ptr<FloatBuffer>& buffer : buffers_) {
    if (buffer.use_count() == 1) {
      // Pairs with the release of the last reader's reference.
      std::atomic_thread_fence(std::memory_order_acquire);
      return buffer;
    }
  }
  buffers_.push_back(std::make_shared<FloatBuffer>(elements_, memory_));
  return buffers_.back();
}

}  // namespace hawser
