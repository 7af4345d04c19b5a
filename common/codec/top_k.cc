// "top_k": the values of the largest magnitude, exactly; the rest stays in the
// residual (Aji and Heafield, 2017). Of values of one magnitude the first ones
// go. NaN goes first, then infinity.
//
// k = share * n, rounded up, pairs of an index (uint32, rising) and a float32.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/codec/cells.h"
#include "common/codec/codec.h"
#include "common/simd.h"

namespace hawser {
namespace {

constexpr double kDefaultShare = 0.01;
constexpr double kLargestShare = 0.5;  // of which float32 would be as short
constexpr size_t kPairBytes = 2 * sizeof(uint32_t);

struct Pair {
  uint32_t index;
  float value;
};

Pair PairAt(const char* bytes) {
  Pair pair;
  std::memcpy(&pair.index, bytes, sizeof(pair.index));
  std::memcpy(&pair.value, bytes + sizeof(pair.index), sizeof(pair.value));
  return pair;
}

uint32_t Magnitude(float value) {
  return std::bit_cast<uint32_t>(value) & 0x7fffffff;
}

HAWSER_SIMD
void AddTo(float* __restrict residual, const float* __restrict values,
           int64_t n) {
  for (int64_t i = 0; i < n; ++i) residual[i] += values[i];
}

// What is sent: all above a magnitude, and so many of those at it.
struct Threshold {
  uint32_t magnitude = 0;
  int64_t at_it = 0;
};

// The k-th largest magnitude, found a digit of its bits at a time.
Threshold FindThreshold(const float* values, int64_t n, int64_t k) {
  constexpr int kDigits[] = {20, 10, 0};
  constexpr uint32_t kBins = 1 << 11;
  Threshold threshold = {0, k};
  uint32_t known = 0;  // the bits that are decided
  for (const int shift : kDigits) {
    const uint32_t mask = shift == 20 ? kBins - 1 : kBins / 2 - 1;
    int64_t count[kBins] = {};
    for (int64_t i = 0; i < n; ++i) {
      const uint32_t magnitude = Magnitude(values[i]);
      if ((magnitude & known) == threshold.magnitude) {
        ++count[(magnitude >> shift) & mask];
      }
    }
    uint32_t digit = mask;
    while (count[digit] < threshold.at_it) threshold.at_it -= count[digit--];
    threshold.magnitude |= digit << shift;
    known |= mask << shift;
  }
  return threshold;
}

class TopKCodec : public Codec {
 public:
  explicit TopKCodec(double share) : share_(share) {}

  size_t EncodedBytes(int64_t n) const override {
    return static_cast<size_t>(Kept(n)) * kPairBytes;
  }

  bool keeps_residual() const override { return true; }

  void Encode(const float* values, int64_t n, float* residual,
              char* encoded) const override {
    AddTo(residual, values, n);
    Threshold threshold = FindThreshold(residual, n, Kept(n));
    for (int64_t i = 0; i < n; ++i) {
      const uint32_t magnitude = Magnitude(residual[i]);
      if (magnitude < threshold.magnitude) continue;
      if (magnitude == threshold.magnitude && threshold.at_it-- <= 0) continue;
      const auto index = static_cast<uint32_t>(i);
      std::memcpy(encoded, &index, sizeof(index));
      std::memcpy(encoded + sizeof(index), &residual[i], sizeof(float));
      encoded += kPairBytes;
      residual[i] = 0;
    }
    // Perhaps more values than could be sent were not finite.
    if (threshold.magnitude >= kInfinity) ClearInfinite(residual, n);
  }

  absl::Status Check(PayloadPieces pieces, int64_t n) const override {
    absl::Status status = Codec::Check(pieces, n);
    if (!status.ok()) return status;
    int64_t next = 0;
    ForEachPair(pieces, [&](Pair pair) {
      if (pair.index >= next && pair.index < n) {
        next = int64_t{pair.index} + 1;
      } else {
        next = n + 1;
      }
    });
    if (next <= n) return absl::OkStatus();
    return absl::DataLossError(
        "the indices of a top_k payload do not rise or leave the block");
  }

  void Decode(PayloadPieces pieces, int64_t n, Use use) const override {
    alignas(64) float run[kMaxRun] = {};
    int64_t first = 0;
    const auto show = [&] {
      const int64_t count = std::min(kMaxRun, n - first);
      use(first, run, count);
      std::fill_n(run, count, 0.0f);
      first += count;
    };
    ForEachPair(pieces, [&](Pair pair) {
      // A sender of this host can change what it sent after it was checked.
      if (pair.index < first || pair.index >= n) return;
      while (pair.index >= first + kMaxRun) show();
      run[pair.index - first] = pair.value;
    });
    while (first < n) show();
  }

 private:
  static constexpr uint32_t kInfinity = 0x7f800000;

  int64_t Kept(int64_t n) const {
    return std::max<int64_t>(
        1, std::llround(std::ceil(share_ * static_cast<double>(n))));
  }

  static void ClearInfinite(float* residual, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      if (Magnitude(residual[i]) >= kInfinity) residual[i] = 0;
    }
  }

  template <typename Visit>
  static void ForEachPair(PayloadPieces pieces, Visit visit) {
    ForEachCellRun<kPairBytes>(
        pieces, [&](size_t, const char* bytes, size_t count) {
          for (size_t at = 0; at < count; at += kPairBytes) {
            visit(PairAt(bytes + at));
          }
        });
  }

  const double share_;
};

}  // namespace

extern const CodecKind kTopKCodec = {
    "top_k", CodecId{4},
    [](const CodecOptions& options) -> absl::StatusOr<std::unique_ptr<Codec>> {
      const double share = options.share == 0 ? kDefaultShare : options.share;
      if (share > 0 && share <= kLargestShare) {
        return std::make_unique<TopKCodec>(share);
      }
      return absl::InvalidArgumentError(
          absl::StrCat("share is ", share, "; it must be above 0 and at most ",
                       kLargestShare, " (beyond it float32 is shorter)"));
    }};

}  // namespace hawser
