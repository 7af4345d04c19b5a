#include "common/trace/span_metrics.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"

namespace hawser {
namespace {

constexpr SpanKind kOfWorkers[] = {
    SPAN_STEP,       SPAN_LOAD_DATA,   SPAN_FORWARD, SPAN_BACKWARD,
    SPAN_LAST_LAYER, SPAN_LOCAL_STEPS, SPAN_MERGE,   SPAN_ENCODE,
    SPAN_PUSH,       SPAN_AWAIT_PULL,  SPAN_RECEIVE, SPAN_AWAIT_ACKS,
    SPAN_VALIDATE,   SPAN_RECOMPUTE};
constexpr SpanKind kOfServers[] = {SPAN_AGGREGATE, SPAN_OPTIMIZER, SPAN_ANSWER,
                                   SPAN_SNAPSHOT, SPAN_CHECKPOINT};

// "await_pull".
std::string LabelOf(SpanKind kind) {
  return absl::AsciiStrToLower(absl::StripPrefix(SpanKind_Name(kind), "SPAN_"));
}

void CollectPhases(const char* name, const char* help,
                   absl::Span<const SpanKind> kinds, const SpanTimes& times,
                   MetricFamilies* families) {
  for (const SpanKind kind : kinds) {
    const HistogramValues seconds = times.SecondsOf(kind);
    if (seconds.count() == 0) continue;
    families->Histogram(name, help, seconds, {{"phase", LabelOf(kind)}});
  }
}

}  // namespace

void CollectWorkerSpans(const SpanTimes& times, MetricFamilies* families) {
  CollectPhases("hawser_worker_phase_seconds",
                "How long a phase of a step takes, each time; `step` is all of "
                "it.",
                kOfWorkers, times, families);
  families->Counter("hawser_worker_sent_bytes_total",
                    "Bytes of pushes that the network, or a server of this "
                    "host, has taken.",
                    static_cast<double>(times.BytesOf(SPAN_PUSH)));
  families->Counter("hawser_worker_received_bytes_total",
                    "Bytes of parameters that have come.",
                    static_cast<double>(times.BytesOf(SPAN_RECEIVE)));
}

void CollectServerSpans(const SpanTimes& times, MetricFamilies* families) {
  CollectPhases("hawser_server_phase_seconds",
                "How long it takes to add a push of a block, to update it, to "
                "answer a read of it, to keep it for a checkpoint, and to "
                "write a checkpoint.",
                kOfServers, times, families);
}

}  // namespace hawser
