#include "common/crc32c.h"

#include <algorithm>

#include "isa-l/crc.h"

namespace hawser {

uint32_t Crc32cExtend(uint32_t crc, const void* data, size_t bytes) {
  // isa-l takes lengths as int and leaves both inversions to the caller.
  constexpr size_t kMostAtOnce = size_t{1} << 30;
  auto* next = static_cast<unsigned char*>(const_cast<void*>(data));
  while (bytes != 0) {
    const size_t now = std::min(bytes, kMostAtOnce);
    crc = ~crc32_iscsi(next, static_cast<int>(now), ~crc);
    next += now;
    bytes -= now;
  }
  return crc;
}

}  // namespace hawser
