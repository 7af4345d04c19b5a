// "one_bit": cells of 2048 floats, each the mean of its values without a sign
// bit, the mean of those with one, and a sign bit a value (Seide et al., 2014).
// The rest stays in the residual.
//
// A cell is two float32 and ceil(n / 32) words of 32 bits: with W words, bit b
// of word w is the sign of value b * W + w, so that a pass over the values
// reads and writes in order.
#include <algorithm>
#include <bit>
#include <cstring>

#include "common/codec/cells.h"
#include "common/codec/codec.h"
#include "common/codec/unaligned.h"
#include "common/simd.h"

namespace hawser {
namespace {

constexpr int64_t kCell = 2048;  // floats
constexpr int64_t kBits = 32;
constexpr size_t kMeansBytes = 2 * sizeof(float);
constexpr size_t kCellBytes = kMeansBytes + kCell / 8;
constexpr uint32_t kInfinity = 0x7f800000;
constexpr uint32_t kNan = 0x7fc00000;

inline int64_t Words(int64_t n) { return (n + kBits - 1) / kBits; }
inline size_t BytesOfCell(int64_t n) {
  return kMeansBytes + static_cast<size_t>(Words(n)) * sizeof(uint32_t);
}

// By sign bit: plus, minus.
struct Sides {
  double sum[2] = {};
  int64_t count[2] = {};
};

// So many sums run side by side, whatever the vectors' width: their order is
// fixed by n alone.
constexpr int64_t kLanes = 16;

struct Lanes {
  double plus[kLanes] = {};
  double minus[kLanes] = {};
  int32_t negative[kLanes] = {};
};

inline void AddLane(float value, int64_t lane, Lanes* lanes) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t if_minus = 0 - (bits >> 31);
  lanes->plus[lane] += double{std::bit_cast<float>(bits & ~if_minus)};
  lanes->minus[lane] += double{std::bit_cast<float>(bits & if_minus)};
  lanes->negative[lane] += static_cast<int32_t>(bits >> 31);
}

// residual += values.
HAWSER_SIMD
Sides SumSides(const float* __restrict values, int64_t n,
               float* __restrict residual) {
  for (int64_t i = 0; i < n; ++i) residual[i] += values[i];
  Lanes lanes;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      AddLane(residual[i + lane], lane, &lanes);
    }
  }
  for (int64_t lane = 0; i < n; ++i, ++lane) {
    AddLane(residual[i], lane, &lanes);
  }
  Sides sides;
  for (int64_t lane = 0; lane < kLanes; ++lane) {
    sides.sum[0] += lanes.plus[lane];
    sides.sum[1] += lanes.minus[lane];
    sides.count[1] += lanes.negative[lane];
  }
  sides.count[0] = n - sides.count[1];
  return sides;
}

HAWSER_SIMD
void PackSigns(const float* __restrict values, int64_t n, int64_t words,
               char* __restrict packed) {
  UnalignedUint32* __restrict to = reinterpret_cast<UnalignedUint32*>(packed);
  for (int64_t w = 0; w < words; ++w) to[w] = 0;
  for (int64_t bit = 0; bit * words < n; ++bit) {
    const float* row = values + bit * words;
    const int64_t count = std::min(words, n - bit * words);
    for (int64_t w = 0; w < count; ++w) {
      to[w] |= (std::bit_cast<uint32_t>(row[w]) >> 31) << bit;
    }
  }
}

HAWSER_SIMD
void Unpack(const char* __restrict packed, int64_t n, int64_t words, float plus,
            float minus, float* __restrict values) {
  const UnalignedUint32* __restrict from =
      reinterpret_cast<const UnalignedUint32*>(packed);
  for (int64_t bit = 0; bit * words < n; ++bit) {
    float* row = values + bit * words;
    const int64_t count = std::min(words, n - bit * words);
    for (int64_t w = 0; w < count; ++w) {
      row[w] = ((from[w] >> bit) & 1) != 0 ? minus : plus;
    }
  }
}

HAWSER_SIMD
void TakeSent(float* __restrict residual, int64_t n, float plus, float minus) {
  for (int64_t i = 0; i < n; ++i) {
    const bool is_minus = (std::bit_cast<uint32_t>(residual[i]) >> 31) != 0;
    residual[i] -= is_minus ? minus : plus;
  }
}

float MeanOf(const Sides& sides, int side) {
  if (sides.count[side] == 0) return 0;
  const auto mean = static_cast<float>(sides.sum[side] /
                                       static_cast<double>(sides.count[side]));
  // One NaN for all, whatever the order of an addition's operands.
  return mean == mean ? mean : std::bit_cast<float>(kNan);
}

bool IsFinite(float value) {
  return (std::bit_cast<uint32_t>(value) & 0x7fffffff) < kInfinity;
}

class OneBitCodec : public Codec {
 public:
  size_t EncodedBytes(int64_t n) const override {
    const int64_t rest = n % kCell;
    return static_cast<size_t>(n / kCell) * kCellBytes +
           (rest == 0 ? 0 : BytesOfCell(rest));
  }

  bool keeps_residual() const override { return true; }

  void Encode(const float* values, int64_t n, float* residual,
              char* encoded) const override {
    for (int64_t i = 0; i < n; i += kCell) {
      EncodeCell(values + i, std::min(kCell, n - i), residual + i, encoded);
      encoded += kCellBytes;
    }
  }

  void Decode(PayloadPieces pieces, int64_t n, Use use) const override {
    static_assert(kCell <= kMaxRun);
    alignas(64) float run[kCell];
    ForEachCellRun<kCellBytes>(
        pieces, [&](size_t position, const char* bytes, size_t count) {
          auto first = static_cast<int64_t>(position / kCellBytes) * kCell;
          for (size_t at = 0; at < count; at += kCellBytes, first += kCell) {
            const int64_t elements = std::min(kCell, n - first);
            float means[2];
            std::memcpy(means, bytes + at, sizeof(means));
            Unpack(bytes + at + kMeansBytes, elements, Words(elements),
                   means[0], means[1], run);
            use(first, run, elements);
          }
        });
  }

 private:
  static void EncodeCell(const float* values, int64_t n, float* residual,
                         char* cell) {
    const Sides sides = SumSides(values, n, residual);
    const float means[2] = {MeanOf(sides, 0), MeanOf(sides, 1)};
    std::memcpy(cell, means, sizeof(means));
    PackSigns(residual, n, Words(n), cell + kMeansBytes);
    if (IsFinite(means[0]) && IsFinite(means[1])) {
      TakeSent(residual, n, means[0], means[1]);
    } else {
      std::fill_n(residual, n, 0.0f);
    }
  }
};

}  // namespace

extern const CodecKind kOneBitCodec = {
    "one_bit", CodecId{5},
    [](const CodecOptions&) -> absl::StatusOr<std::unique_ptr<Codec>> {
      return std::make_unique<OneBitCodec>();
    }};

}  // namespace hawser
