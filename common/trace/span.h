// A span: something that took time on one thread, as it is recorded and as it
// travels.
//
// Pure.
#ifndef HAWSER_COMMON_TRACE_SPAN_H_
#define HAWSER_COMMON_TRACE_SPAN_H_

#include <cstdint>

#include "proto/trace.pb.h"

namespace hawser {

struct RecordedSpan {
  static constexpr int32_t kNone = -1;

  SpanKind kind = SPAN_KIND_UNSPECIFIED;
  uint32_t thread = 0;
  uint64_t step = 0;
  int64_t begin_ns = 0;  // since 1970
  int64_t end_ns = 0;
  int32_t layer = kNone;
  int32_t block = kNone;
  uint64_t node = 0;  // the other side; 0: none
  uint64_t bytes = 0;
};

Span ToProto(const RecordedSpan& span);
RecordedSpan FromProto(const Span& span);

// What a span counts as when shares of a step are summed.
enum class SpanCategory {
  kStep,  // the whole of it
  kCompute,
  kData,
  kMerge,
  kPush,
  kPull,
  kValidation,
  kAggregate,
  kOptimizer,
  kAnswer,
  kCheckpoint,
};
SpanCategory CategoryOf(SpanKind kind);

// "forward", "await pull"; "pull".
const char* NameOf(SpanKind kind);
const char* NameOf(SpanCategory category);

}  // namespace hawser

#endif  // HAWSER_COMMON_TRACE_SPAN_H_
