// What /metrics tells of the time that spans take (SpanTimes): a histogram a
// phase of a worker's step, or of a server's work on a block. The phases are
// those of `hawser trace` (docs/trace.md).
#ifndef HAWSER_COMMON_TRACE_SPAN_METRICS_H_
#define HAWSER_COMMON_TRACE_SPAN_METRICS_H_

#include "common/metrics/metric_families.h"
#include "common/trace/span_times.h"

namespace hawser {

// hawser_worker_phase_seconds, _sent_bytes_total and _received_bytes_total; of
// phases that have been seen.
void CollectWorkerSpans(const SpanTimes& times, MetricFamilies* families);

// hawser_server_phase_seconds.
void CollectServerSpans(const SpanTimes& times, MetricFamilies* families);

}  // namespace hawser

#endif  // HAWSER_COMMON_TRACE_SPAN_METRICS_H_
