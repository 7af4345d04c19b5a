// How often values of each size were seen. Bucket k counts whole numbers below
// 2^(first_power + k), the last one all others, so that finding the bucket
// takes an instruction.
//
//   Histogram<10> staleness(0);        // 0, 1, 2..3, 4..7, ..., 256 and more
//   staleness.Observe(3);
//   families->Histogram("hawser_...", "...", staleness.Values(1));
//
// Thread-safe without locks: a value is two relaxed additions.
#ifndef HAWSER_COMMON_METRICS_HISTOGRAM_H_
#define HAWSER_COMMON_METRICS_HISTOGRAM_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hawser {

// What a histogram has counted, at one moment.
struct HistogramValues {
  // The largest value that counts in each bucket but the last.
  std::vector<double> bounds;
  std::vector<uint64_t> counts;  // one more than there are bounds
  double sum = 0;

  uint64_t count() const {
    uint64_t all = 0;
    for (const uint64_t one : counts) all += one;
    return all;
  }
};

template <size_t kBuckets>
class Histogram {
 public:
  explicit Histogram(int first_power) : first_power_(first_power) {}

  void Observe(uint64_t value) {
    const int power = static_cast<int>(std::bit_width(value)) - first_power_;
    const int bucket = std::clamp(power, 0, static_cast<int>(kBuckets) - 1);
    counts_[static_cast<size_t>(bucket)].fetch_add(1,
                                                   std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }

  // unit: of what is counted, such as 1e-9 of nanoseconds that are told in
  // seconds.
  HistogramValues Values(double unit) const {
    HistogramValues values;
    for (size_t k = 0; k < kBuckets; ++k) {
      values.counts.push_back(counts_[k].load(std::memory_order_relaxed));
      if (k + 1 == kBuckets) break;
      const uint64_t end = uint64_t{1} << (first_power_ + static_cast<int>(k));
      values.bounds.push_back(unit * static_cast<double>(end - 1));
    }
    values.sum =
        unit * static_cast<double>(sum_.load(std::memory_order_relaxed));
    return values;
  }

 private:
  const int first_power_;
  std::array<std::atomic<uint64_t>, kBuckets> counts_{};
  std::atomic<uint64_t> sum_{0};
};

// Of nanoseconds: from 16 us to 17 s, each bucket twice the one before.
class DurationHistogram : public Histogram<22> {
 public:
  DurationHistogram() : Histogram(14) {}
  HistogramValues Seconds() const { return Values(1e-9); }
};

// Of clocks, updates and other small whole numbers: 0, 1, 2..3, ..., 256.
class CountHistogram : public Histogram<10> {
 public:
  CountHistogram() : Histogram(0) {}
  HistogramValues Counts() const { return Values(1); }
};

}  // namespace hawser

#endif  // HAWSER_COMMON_METRICS_HISTOGRAM_H_
