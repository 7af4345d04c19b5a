// Records what takes time in a process, for a few steps of one job, when asked
// to.
//
//   TraceSpan span({recorder, job, step}, SPAN_FORWARD, {.layer = 3});
//
// records from here to the end of the scope. While nothing is recorded, which
// is nearly always, a span costs one relaxed load, and if its time is counted
// (SpanTimes) two readings of the clock more; while something is recorded, one
// atomic addition beside that. Spans go into one array of fixed size, made by
// the first Start and kept: no lock, and no allocation where spans are made.
// Those beyond its size are counted.
//
// Spans of one thread nest, since they are scopes.
//
// Thread-safe, but Start and Stop have one caller.
#ifndef HAWSER_COMMON_TRACE_TRACE_RECORDER_H_
#define HAWSER_COMMON_TRACE_TRACE_RECORDER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/clock.h"
#include "common/trace/span.h"
#include "common/trace/span_times.h"

namespace hawser {

class TraceRecorder {
 public:
  // Most spans of a recording: 4 MiB of them.
  static constexpr size_t kCapacity = 1 << 16;

  // clock and times outlive the recorder. times: where the time of all spans
  // counts, recorded or not; may be null.
  explicit TraceRecorder(const Clock* clock, SpanTimes* times = nullptr)
      : clock_(clock), times_(times) {}
  TraceRecorder(const TraceRecorder&) = delete;
  TraceRecorder& operator=(const TraceRecorder&) = delete;

  // From now on spans of these steps of this job are recorded; those of a
  // recording before are dropped.
  void Start(uint64_t job, uint64_t first_step, uint64_t end_step);

  struct Recording {
    std::vector<RecordedSpan> spans;  // in order of their ends
    uint64_t dropped = 0;             // beyond kCapacity
  };
  // What has been recorded, up to spans that have ended. Nothing is recorded
  // from now on.
  Recording Stop();

 private:
  friend class TraceSpan;

  // The recording's number if the step is wanted, else 0.
  uint64_t Wants(uint64_t job, uint64_t step) const {
    if (recording_.load(std::memory_order_relaxed) == 0) return 0;
    const uint64_t recording = recording_.load(std::memory_order_acquire);
    const bool wanted = job == job_.load(std::memory_order_relaxed) &&
                        step >= first_step_.load(std::memory_order_relaxed) &&
                        step < end_step_.load(std::memory_order_relaxed);
    return wanted ? recording : 0;
  }
  int64_t Now() const { return absl::ToUnixNanos(clock_->Now()); }
  void Record(uint64_t recording, const RecordedSpan& span);

  const Clock* const clock_;
  SpanTimes* const times_;
  std::atomic<uint64_t> recording_{0};  // 0: none
  std::atomic<uint64_t> job_{0};
  std::atomic<uint64_t> first_step_{0};
  std::atomic<uint64_t> end_step_{0};
  // Who may be writing into spans_.
  std::atomic<uint64_t> writers_{0};
  std::atomic<size_t> used_{0};  // may exceed kCapacity
  std::unique_ptr<RecordedSpan[]> spans_;
  uint64_t recordings_ = 0;  // so far
};

// Where spans belong. No recorder: they are not recorded.
struct TraceScope {
  TraceRecorder* recorder = nullptr;
  uint64_t job = 0;
  uint64_t step = 0;
};

class TraceSpan {
 public:
  struct Details {
    int64_t layer = RecordedSpan::kNone;
    int64_t block = RecordedSpan::kNone;
    uint64_t node = 0;
    uint64_t bytes = 0;
  };

  TraceSpan(const TraceScope& scope, SpanKind kind) {
    if (!Begins(scope)) return;
    Note(scope, kind, Details());
  }
  TraceSpan(const TraceScope& scope, SpanKind kind, const Details& details) {
    if (!Begins(scope)) return;
    Note(scope, kind, details);
  }
  TraceSpan(const TraceSpan&) = delete;
  TraceSpan& operator=(const TraceSpan&) = delete;
  ~TraceSpan() { End(); }

  // Ends it, if its scope is not to.
  void End() {
    if (recorder_ != nullptr) Record();
  }

 private:
  bool Begins(const TraceScope& scope) {
    if (scope.recorder == nullptr) return false;
    recording_ = scope.recorder->Wants(scope.job, scope.step);
    return recording_ != 0 || scope.recorder->times_ != nullptr;
  }
  void Note(const TraceScope& scope, SpanKind kind, const Details& details);
  void Record();

  // Null: its time matters to nobody, and the rest is not even set.
  TraceRecorder* recorder_ = nullptr;
  uint64_t recording_;  // 0: it is not recorded, but counted
  SpanKind kind_;
  int32_t layer_;
  int32_t block_;
  uint64_t node_;
  uint64_t bytes_;
  uint64_t step_;
  int64_t begin_ns_;
};

}  // namespace hawser

#endif  // HAWSER_COMMON_TRACE_TRACE_RECORDER_H_
