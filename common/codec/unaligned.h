// Values that may lie anywhere in memory, as bytes off the wire do. Name the
// type where it is used: `auto` would deduce a plain one.
#ifndef HAWSER_COMMON_CODEC_UNALIGNED_H_
#define HAWSER_COMMON_CODEC_UNALIGNED_H_

#include <cstdint>

namespace hawser {

typedef float UnalignedFloat __attribute__((aligned(1), may_alias));
typedef uint16_t UnalignedUint16 __attribute__((aligned(1), may_alias));
typedef uint32_t UnalignedUint32 __attribute__((aligned(1), may_alias));

}  // namespace hawser

#endif  // HAWSER_COMMON_CODEC_UNALIGNED_H_
