// A number that only rises, or one that goes up and down: what components count
// while they work, read when somebody scrapes /metrics (metric_families.h).
//
//   Counter pushes;
//   pushes.Add();                                   where it happens
//   families->Counter("hawser_...", "...", pushes.value());      on a scrape
//
// Thread-safe without locks: to count is one relaxed addition.
#ifndef HAWSER_COMMON_METRICS_COUNTER_H_
#define HAWSER_COMMON_METRICS_COUNTER_H_

#include <atomic>
#include <cstdint>

namespace hawser {

class Counter {
 public:
  void Add(uint64_t count = 1) {
    value_.fetch_add(count, std::memory_order_relaxed);
  }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Gauge {
 public:
  void Add(int64_t change) {
    value_.fetch_add(change, std::memory_order_relaxed);
  }
  void Set(int64_t value) { value_.store(value, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

}  // namespace hawser

#endif  // HAWSER_COMMON_METRICS_COUNTER_H_
