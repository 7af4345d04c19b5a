#include "common/trace/span.h"

#include <algorithm>

namespace hawser {
namespace {

struct KindEntry {
  SpanKind kind;
  const char* name;
  SpanCategory category;
};

constexpr KindEntry kKinds[] = {
    {SPAN_STEP, "step", SpanCategory::kStep},
    {SPAN_LOAD_DATA, "load data", SpanCategory::kData},
    {SPAN_FORWARD, "forward", SpanCategory::kCompute},
    {SPAN_BACKWARD, "backward", SpanCategory::kCompute},
    {SPAN_LAST_LAYER, "forward, loss, backward", SpanCategory::kCompute},
    {SPAN_LOCAL_STEPS, "local steps", SpanCategory::kCompute},
    {SPAN_MERGE, "merge", SpanCategory::kMerge},
    {SPAN_ENCODE, "encode", SpanCategory::kPush},
    {SPAN_PUSH, "push", SpanCategory::kPush},
    {SPAN_AWAIT_ACKS, "await acks", SpanCategory::kPush},
    {SPAN_AWAIT_PULL, "await pull", SpanCategory::kPull},
    {SPAN_RECEIVE, "receive", SpanCategory::kPull},
    {SPAN_VALIDATE, "validate", SpanCategory::kValidation},
    {SPAN_RECOMPUTE, "recompute", SpanCategory::kCompute},
    {SPAN_AGGREGATE, "aggregate", SpanCategory::kAggregate},
    {SPAN_OPTIMIZER, "optimizer", SpanCategory::kOptimizer},
    {SPAN_ANSWER, "answer", SpanCategory::kAnswer},
    {SPAN_SNAPSHOT, "snapshot", SpanCategory::kCheckpoint},
    {SPAN_CHECKPOINT, "checkpoint", SpanCategory::kCheckpoint},
};

// One that a newer member has sent counts as nothing in particular.
constexpr KindEntry kUnknown = {SPAN_KIND_UNSPECIFIED, "unknown",
                                SpanCategory::kData};

const KindEntry& EntryOf(SpanKind kind) {
  for (const KindEntry& entry : kKinds) {
    if (entry.kind == kind) return entry;
  }
  return kUnknown;
}

}  // namespace

Span ToProto(const RecordedSpan& span) {
  Span proto;
  proto.set_kind(span.kind);
  proto.set_thread(span.thread);
  proto.set_step(span.step);
  proto.set_begin_unix_ns(static_cast<uint64_t>(span.begin_ns));
  proto.set_duration_ns(
      static_cast<uint64_t>(std::max<int64_t>(0, span.end_ns - span.begin_ns)));
  if (span.layer != RecordedSpan::kNone) {
    proto.set_layer(static_cast<uint32_t>(span.layer));
  }
  if (span.block != RecordedSpan::kNone) {
    proto.set_block(static_cast<uint32_t>(span.block));
  }
  proto.set_node(span.node);
  proto.set_bytes(span.bytes);
  return proto;
}

RecordedSpan FromProto(const Span& proto) {
  RecordedSpan span;
  span.kind = proto.kind();
  span.thread = proto.thread();
  span.step = proto.step();
  span.begin_ns = static_cast<int64_t>(proto.begin_unix_ns());
  span.end_ns = span.begin_ns + static_cast<int64_t>(proto.duration_ns());
  if (proto.has_layer()) span.layer = static_cast<int32_t>(proto.layer());
  if (proto.has_block()) span.block = static_cast<int32_t>(proto.block());
  span.node = proto.node();
  span.bytes = proto.bytes();
  return span;
}

SpanCategory CategoryOf(SpanKind kind) { return EntryOf(kind).category; }

const char* NameOf(SpanKind kind) { return EntryOf(kind).name; }

const char* NameOf(SpanCategory category) {
  switch (category) {
    case SpanCategory::kStep:
      return "step";
    case SpanCategory::kCompute:
      return "compute";
    case SpanCategory::kData:
      return "data";
    case SpanCategory::kMerge:
      return "merge";
    case SpanCategory::kPush:
      return "push";
    case SpanCategory::kPull:
      return "pull";
    case SpanCategory::kValidation:
      return "validation";
    case SpanCategory::kAggregate:
      return "aggregate";
    case SpanCategory::kOptimizer:
      return "optimizer";
    case SpanCategory::kAnswer:
      return "answer";
    case SpanCategory::kCheckpoint:
      return "checkpoint";
  }
  return "unknown";
}

}  // namespace hawser
