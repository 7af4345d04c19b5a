// CRC32C (Castagnoli), the checksum of iSCSI (RFC 3720): of frames, checkpoint
// files and journal records.
#ifndef HAWSER_COMMON_CRC32C_H_
#define HAWSER_COMMON_CRC32C_H_

#include <cstddef>
#include <cstdint>

namespace hawser {

// The checksum of what `crc` is the checksum of, followed by data. Start with
// 0.
uint32_t Crc32cExtend(uint32_t crc, const void* data, size_t bytes);

inline uint32_t Crc32c(const void* data, size_t bytes) {
  return Crc32cExtend(0, data, bytes);
}

}  // namespace hawser

#endif  // HAWSER_COMMON_CRC32C_H_
