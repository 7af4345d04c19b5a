// Memory of one block: float32 values, aligned for the widest vectors, and the
// pool they come from and go back to.
#ifndef HAWSER_SERVER_FLOAT_BUFFER_H_
#define HAWSER_SERVER_FLOAT_BUFFER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "common/shared_memory.h"

namespace hawser {

class FloatBuffer {
 public:
  // memory: what to take it from, so that processes of this host can be given
  // it to read; null: memory of this process alone.
  explicit FloatBuffer(int64_t elements, SharedMemory* memory = nullptr);

  float* data() { return memory_.data; }
  const float* data() const { return memory_.data; }
  int64_t elements() const { return elements_; }
  absl::Span<const char> bytes() const {
    return {reinterpret_cast<const char*>(memory_.data),
            static_cast<size_t>(elements_) * sizeof(float)};
  }
  // Where others can read it.
  const SharedMemory::Place& place() const { return memory_.place; }

  // CRC32C of bytes(), computed when first asked for after Changed, unless
  // whoever changed them knew it. Used where the buffer may be written, too.
  uint32_t Checksum();
  bool checksum_asked_for() const { return checksum_asked_for_; }
  void Changed(std::optional<uint32_t> crc32c = std::nullopt) {
    crc32c_ = crc32c;
    checksum_asked_for_ = false;
  }

  // Replies of this content that wait to be read (server/intake.h).
  mutable std::atomic<int> waiting{0};

 private:
  int64_t elements_;
  SharedMemory::Floats memory_;
  std::optional<uint32_t> crc32c_;
  bool checksum_asked_for_ = false;
};

// Buffers of one size. Not thread-safe: it belongs to a block, and is used on
// the block's strand. Shared readers on other threads (frames on their way out,
// a checkpoint) hold a buffer by shared_ptr; it is used again when they are
// done with it, and nobody waits for them.
class FloatBufferPool {
 public:
  // memory: as for FloatBuffer; outlives the pool.
  explicit FloatBufferPool(int64_t elements, SharedMemory* memory = nullptr)
      : elements_(elements), memory_(memory) {}

  // A buffer of undefined content that nobody else holds.
  std::shared_ptr<FloatBuffer> Take();

  // One that was made elsewhere, of this size: from here on as if it was made
  // here.
  void Adopt(std::shared_ptr<FloatBuffer> buffer) {
    buffers_.push_back(std::move(buffer));
  }

 private:
  int64_t elements_;
  SharedMemory* memory_;
  std::vector<std::shared_ptr<FloatBuffer>> buffers_;  // free and in use
};

}  // namespace hawser

#endif  // HAWSER_SERVER_FLOAT_BUFFER_H_
