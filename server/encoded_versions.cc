#include "server/encoded_versions.h"

#include "common/crc32c.h"

namespace hawser {

EncodedVersions::EncodedVersions(const Codec* codec, int64_t elements,
                                 SharedMemory* memory)
    : codec_(codec),
      elements_(elements),
      bytes_(codec->EncodedBytes(elements)),
      pool_(static_cast<int64_t>((bytes_ + sizeof(float) - 1) / sizeof(float)),
            memory) {}

EncodedVersions::Encoding* EncodedVersions::Of(uint64_t updates,
                                               const FloatBuffer& parameters) {
  for (Encoding& encoding : encodings_) {
    if (encoding.memory != nullptr && encoding.updates == updates) {
      return &encoding;
    }
  }
  Encoding* oldest = &encodings_[0];
  if (encodings_[1].updates < oldest->updates) oldest = &encodings_[1];
  oldest->memory.reset();  // may be taken again, if nobody reads it any more
  oldest->memory = pool_.Take();
  char* const bytes = reinterpret_cast<char*>(oldest->memory->data());
  codec_->Encode(parameters.data(), elements_, nullptr, bytes);
  oldest->updates = updates;
  oldest->bytes = {bytes, bytes_};
  oldest->crc32c.reset();
  return oldest;
}

uint32_t EncodedVersions::Checksum(Encoding* encoding) {
  if (!encoding->crc32c.has_value()) {
    encoding->crc32c = Crc32c(encoding->bytes.data(), encoding->bytes.size());
  }
  return *encoding->crc32c;
}

}  // namespace hawser
