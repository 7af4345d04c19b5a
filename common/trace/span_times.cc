#include "common/trace/span_times.h"

namespace hawser {

SpanTimes::SpanTimes() : places_(std::make_unique<Place[]>(kPlaces)) {}

HistogramValues SpanTimes::SecondsOf(SpanKind kind) const {
  HistogramValues all = DurationHistogram().Seconds();
  const auto place = static_cast<size_t>(kind);
  if (place >= kKinds) return all;
  for (size_t p = 0; p < kPlaces; ++p) {
    const HistogramValues values = places_[p][place].durations.Seconds();
    for (size_t k = 0; k < all.counts.size(); ++k) {
      all.counts[k] += values.counts[k];
    }
    all.sum += values.sum;
  }
  return all;
}

uint64_t SpanTimes::BytesOf(SpanKind kind) const {
  const auto place = static_cast<size_t>(kind);
  if (place >= kKinds) return 0;
  uint64_t bytes = 0;
  for (size_t p = 0; p < kPlaces; ++p) {
    bytes += places_[p][place].bytes.value();
  }
  return bytes;
}

}  // namespace hawser
