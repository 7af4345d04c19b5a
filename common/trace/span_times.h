// How long spans of each kind have taken since the process started, and how
// many bytes they were about: what /metrics tells of a worker's step and of the
// data plane, whether a trace is being recorded or not.
//
// Threads count in places of their own, as far as there are places, so that
// they do not wait for each other: a span is three relaxed additions.
//
// Thread-safe.
#ifndef HAWSER_COMMON_TRACE_SPAN_TIMES_H_
#define HAWSER_COMMON_TRACE_SPAN_TIMES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/metrics/counter.h"
#include "common/metrics/histogram.h"
#include "proto/trace.pb.h"

namespace hawser {

class SpanTimes {
 public:
  SpanTimes();

  // thread: any number of the calling thread's own. Kinds that are unknown
  // here are not counted.
  void Add(SpanKind kind, uint32_t thread, int64_t duration_ns,
           uint64_t bytes) {
    const auto place = static_cast<size_t>(kind);
    if (place >= kKinds) return;
    Cell& cell = places_[thread % kPlaces][place];
    cell.durations.Observe(static_cast<uint64_t>(duration_ns));
    if (bytes != 0) cell.bytes.Add(bytes);
  }

  // Of all threads together.
  HistogramValues SecondsOf(SpanKind kind) const;
  uint64_t BytesOf(SpanKind kind) const;

 private:
  static constexpr size_t kPlaces = 8;
  static constexpr size_t kKinds = SpanKind_ARRAYSIZE;
  struct Cell {
    DurationHistogram durations;
    Counter bytes;
  };
  using Place = std::array<Cell, kKinds>;

  const std::unique_ptr<Place[]> places_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_TRACE_SPAN_TIMES_H_
