// A block's parameters as workers pull them: each version is encoded once, when
// it is first asked for, and the newest two are kept for all who ask.
//
// Not thread-safe: it belongs to a block, and is used on the block's strand.
#ifndef HAWSER_SERVER_ENCODED_VERSIONS_H_
#define HAWSER_SERVER_ENCODED_VERSIONS_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/types/span.h"
#include "common/codec/codec.h"
#include "common/shared_memory.h"
#include "server/float_buffer.h"

namespace hawser {

class EncodedVersions {
 public:
  struct Encoding {
    uint64_t updates = 0;
    std::shared_ptr<FloatBuffer> memory;  // null: nothing yet
    absl::Span<const char> bytes;         // the beginning of it
    std::optional<uint32_t> crc32c;       // see Checksum
  };

  // codec outlives it; memory: as for FloatBuffer.
  EncodedVersions(const Codec* codec, int64_t elements, SharedMemory* memory);

  // Of the parameters as they are after so many updates. Valid until the next
  // call; the bytes for as long as somebody holds their memory.
  Encoding* Of(uint64_t updates, const FloatBuffer& parameters);

  // CRC32C of the bytes.
  static uint32_t Checksum(Encoding* encoding);

 private:
  const Codec* const codec_;
  const int64_t elements_;
  const size_t bytes_;
  FloatBufferPool pool_;
  Encoding encodings_[2];
};

}  // namespace hawser

#endif  // HAWSER_SERVER_ENCODED_VERSIONS_H_
