#include "common/metrics/histogram.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "common/metrics/counter.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

// The slow and obvious way: the first bucket whose bound is not below it.
std::vector<uint64_t> CountedByBounds(const std::vector<uint64_t>& values,
                                      const std::vector<double>& bounds) {
  std::vector<uint64_t> counts(bounds.size() + 1);
  for (const uint64_t value : values) {
    const auto bound = std::find_if(
        bounds.begin(), bounds.end(),
        [value](double b) { return static_cast<double>(value) <= b; });
    ++counts[static_cast<size_t>(bound - bounds.begin())];
  }
  return counts;
}

TEST(HistogramTest, EachValueIsInTheFirstBucketThatHoldsIt) {
  Histogram<6> histogram(2);
  std::vector<uint64_t> values;
  uint64_t sum = 0;
  for (uint64_t value = 0; value < 300; ++value) {
    values.push_back(value);
    sum += value;
    histogram.Observe(value);
  }
  const HistogramValues seen = histogram.Values(1);
  EXPECT_EQ(seen.bounds, std::vector<double>({3, 7, 15, 31, 63}));
  EXPECT_EQ(seen.counts, CountedByBounds(values, seen.bounds));
  EXPECT_EQ(seen.sum, static_cast<double>(sum));
  EXPECT_EQ(seen.count(), values.size());
}

TEST(HistogramTest, NoStalenessIsToldFromStalenessOne) {
  CountHistogram staleness;
  staleness.Observe(0);
  staleness.Observe(1);
  staleness.Observe(1);
  staleness.Observe(3);
  staleness.Observe(1 << 20);
  const HistogramValues seen = staleness.Counts();
  EXPECT_EQ(seen.bounds.front(), 0);
  EXPECT_EQ(seen.bounds.back(), 255);
  EXPECT_EQ(seen.counts[0], 1u);
  EXPECT_EQ(seen.counts[1], 2u);
  EXPECT_EQ(seen.counts[2], 1u);
  EXPECT_EQ(seen.counts.back(), 1u);
}

TEST(HistogramTest, DurationsAreToldInSeconds) {
  DurationHistogram durations;
  durations.Observe(1'500'000'000);
  const HistogramValues seen = durations.Seconds();
  EXPECT_NEAR(seen.sum, 1.5, 1e-9);
  EXPECT_NEAR(seen.bounds.front(), 16e-6, 1e-6);
  EXPECT_NEAR(seen.bounds.back(), 17.2, 0.1);
}

TEST(CounterTest, ThreadsLoseNothing) {
  Counter counter;
  Gauge gauge;
  CountHistogram histogram;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (uint64_t i = 0; i < 10000; ++i) {
        counter.Add(3);
        gauge.Add(i % 2 == 0 ? 2 : -1);
        histogram.Observe(i);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 4u * 3 * 10000);
  EXPECT_EQ(gauge.value(), 4 * 5000);
  EXPECT_EQ(histogram.Counts().count(), 4u * 10000);
}

}  // namespace
}  // namespace hawser
