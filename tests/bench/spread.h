// Least, median and largest of what was measured, and a table of them.
#ifndef HAWSER_TESTS_BENCH_SPREAD_H_
#define HAWSER_TESTS_BENCH_SPREAD_H_

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>
#include <vector>

namespace hawser {

struct Spread {
  double min, median, max;
};

// values: not empty.
inline Spread SpreadOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values.front(), values[values.size() / 2], values.back()};
}

// Of by / each value: a rate of so much a run, from seconds a run.
inline Spread RateOf(double by, const Spread& seconds) {
  return {by / seconds.max, by / seconds.median, by / seconds.min};
}

inline Spread Milliseconds(const Spread& seconds) {
  return {1e3 * seconds.min, 1e3 * seconds.median, 1e3 * seconds.max};
}

// Seconds of each of so many runs, after two that do not count, by a clock
// double().
template <typename Clock, typename Work>
Spread MeasuredBy(Clock now, int rounds, Work work) {
  constexpr int kWarmUps = 2;
  std::vector<double> seconds;
  for (int round = 0; round < rounds + kWarmUps; ++round) {
    const double start = now();
    work();
    if (round >= kWarmUps) seconds.push_back(now() - start);
  }
  return SpreadOf(std::move(seconds));
}

inline double WallSeconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

inline void PrintSpreadHeader() {
  std::printf("%-44s %12s %12s %12s\n", "", "min", "median", "max");
}
inline void PrintSpread(const char* what, const Spread& spread) {
  std::printf("%-44s %12.4g %12.4g %12.4g\n", what, spread.min, spread.median,
              spread.max);
}

}  // namespace hawser

#endif  // HAWSER_TESTS_BENCH_SPREAD_H_
