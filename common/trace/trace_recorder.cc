#include "common/trace/trace_recorder.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace hawser {
namespace {

// Small numbers, in order of the threads' first spans.
uint32_t ThreadNumber() {
  static std::atomic<uint32_t> next{1};
  thread_local const uint32_t number = next.fetch_add(1);
  return number;
}

}  // namespace

void TraceRecorder::Start(uint64_t job, uint64_t first_step,
                          uint64_t end_step) {
  Stop();
  if (spans_ == nullptr) spans_ = std::make_unique<RecordedSpan[]>(kCapacity);
  job_.store(job, std::memory_order_relaxed);
  first_step_.store(first_step, std::memory_order_relaxed);
  end_step_.store(end_step, std::memory_order_relaxed);
  used_.store(0, std::memory_order_relaxed);
  recording_.store(++recordings_);
}

TraceRecorder::Recording TraceRecorder::Stop() {
  Recording recording;
  if (recording_.exchange(0) == 0) return recording;
  // Writers that came before look at no number again; they are done at once.
  while (writers_.load() != 0) std::this_thread::yield();
  const size_t used = used_.load(std::memory_order_relaxed);
  const size_t kept = std::min(used, kCapacity);
  recording.spans.assign(spans_.get(), spans_.get() + kept);
  recording.dropped = used - kept;
  return recording;
}

void TraceRecorder::Record(uint64_t recording, const RecordedSpan& span) {
  writers_.fetch_add(1);
  if (recording_.load() == recording) {
    const size_t place = used_.fetch_add(1, std::memory_order_relaxed);
    if (place < kCapacity) spans_[place] = span;
  }
  writers_.fetch_sub(1);
}

void TraceSpan::Note(const TraceScope& scope, SpanKind kind,
                     const Details& details) {
  recorder_ = scope.recorder;
  kind_ = kind;
  layer_ = static_cast<int32_t>(details.layer);
  block_ = static_cast<int32_t>(details.block);
  node_ = details.node;
  bytes_ = details.bytes;
  step_ = scope.step;
  begin_ns_ = recorder_->Now();
}

void TraceSpan::Record() {
  TraceRecorder* const recorder = std::exchange(recorder_, nullptr);
  const uint32_t thread = ThreadNumber();
  const int64_t end_ns = std::max(begin_ns_, recorder->Now());
  if (recorder->times_ != nullptr) {
    recorder->times_->Add(kind_, thread, end_ns - begin_ns_, bytes_);
  }
  if (recording_ == 0) return;
  RecordedSpan span;
  span.kind = kind_;
  span.thread = thread;
  span.step = step_;
  span.begin_ns = begin_ns_;
  span.end_ns = end_ns;
  span.layer = layer_;
  span.block = block_;
  span.node = node_;
  span.bytes = bytes_;
  recorder->Record(recording_, span);
}

}  // namespace hawser
