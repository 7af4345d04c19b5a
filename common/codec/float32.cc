// "none": float32 as it lies. Nothing is lost, nothing is saved.
#include <algorithm>
#include <cstring>

#include "common/codec/codec.h"
#include "common/vector_ops.h"
#include "common/wire/float_pieces.h"

namespace hawser {
namespace {

class Float32Codec : public Codec {
 public:
  size_t EncodedBytes(int64_t n) const override {
    return static_cast<size_t>(n) * sizeof(float);
  }

  void Encode(const float* values, int64_t n, float*,
              char* encoded) const override {
    std::memcpy(encoded, values, EncodedBytes(n));
  }

  void Decode(PayloadPieces pieces, int64_t, Use use) const override {
    alignas(64) float aligned[kMaxRun];
    ForEachFloatRun(pieces, [&](int64_t first, const char* run, int64_t n) {
      if (reinterpret_cast<uintptr_t>(run) % alignof(float) == 0) {
        use(first, reinterpret_cast<const float*>(run), n);
        return;
      }
      for (int64_t i = 0; i < n; i += kMaxRun) {
        const int64_t count = std::min(kMaxRun, n - i);
        std::memcpy(aligned, run + i * static_cast<int64_t>(sizeof(float)),
                    EncodedBytes(count));
        use(first + i, aligned, count);
      }
    });
  }

  void DecodeTo(PayloadPieces pieces, int64_t, float* target) const override {
    char* to = reinterpret_cast<char*>(target);
    for (const absl::Span<const char> piece : pieces) {
      // It may have been received where it is wanted.
      if (piece.data() != to && !piece.empty()) {
        std::memcpy(to, piece.data(), piece.size());
      }
      to += piece.size();
    }
  }

  void DecodeAdd(PayloadPieces pieces, int64_t, float* target) const override {
    ForEachFloatRun(pieces,
                    [target](int64_t first, const char* run, int64_t n) {
                      AddInto(target + first, run, n);
                    });
  }
};

}  // namespace

extern const CodecKind kFloat32Codec = {
    "none", CodecId::kFloat32,
    [](const CodecOptions&) -> absl::StatusOr<std::unique_ptr<Codec>> {
      return std::make_unique<Float32Codec>();
    }};

}  // namespace hawser
