// Codecs that write each float as 16 bits of its own: a class of two passes
// over a vector (see bfloat16.cc).
#ifndef HAWSER_COMMON_CODEC_SIXTEEN_BITS_H_
#define HAWSER_COMMON_CODEC_SIXTEEN_BITS_H_

#include <algorithm>
#include <cstring>

#include "common/codec/cells.h"
#include "common/codec/codec.h"

namespace hawser {

class SixteenBitsCodec : public Codec {
 public:
  // The 16-bit sides may be unaligned.
  using Narrow = void (*)(const float* values, int64_t n, char* narrow);
  using Widen = void (*)(const char* narrow, int64_t n, float* values);

  SixteenBitsCodec(Narrow narrow, Widen widen)
      : narrow_(narrow), widen_(widen) {}

  size_t EncodedBytes(int64_t n) const override {
    return static_cast<size_t>(n) * sizeof(uint16_t);
  }

  void Encode(const float* values, int64_t n, float*,
              char* encoded) const override {
    narrow_(values, n, encoded);
  }

  void Decode(PayloadPieces pieces, int64_t, Use use) const override {
    alignas(64) float run[kMaxRun];
    ForEachCellRun<sizeof(uint16_t)>(
        pieces, [&](size_t position, const char* bytes, size_t count) {
          const auto n = static_cast<int64_t>(count / sizeof(uint16_t));
          const auto first = static_cast<int64_t>(position / sizeof(uint16_t));
          for (int64_t i = 0; i < n; i += kMaxRun) {
            const int64_t some = std::min(kMaxRun, n - i);
            widen_(bytes + 2 * i, some, run);
            use(first + i, run, some);
          }
        });
  }

 private:
  const Narrow narrow_;
  const Widen widen_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_CODEC_SIXTEEN_BITS_H_
