#include "client/member/trace_reporter.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/time/time.h"
#include "glog/logging.h"

namespace hawser {
namespace {

constexpr int kProbes = 8;
constexpr int kTries = 5;
constexpr absl::Duration kPause = absl::Milliseconds(200);

}  // namespace

TraceReporter::TraceReporter(SchedulerClient* client, TraceRecorder* recorder,
                             const Clock* clock, Threads* threads)
    : client_(client),
      recorder_(recorder),
      clock_(clock),
      threads_(threads),
      thread_(threads->Start([this] { Run(); })) {}

TraceReporter::~TraceReporter() { Stop(); }

void TraceReporter::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    if (std::exchange(stopping_, true)) return;
  }
  thread_->Join();
}

void TraceReporter::Follow(uint64_t node, const TraceOrder& order) {
  absl::MutexLock lock(&mutex_);
  node_ = node;
  order_ = order;
  changed_ = true;
}

void TraceReporter::Run() {
  for (;;) {
    uint64_t node = 0;
    TraceOrder order;
    {
      absl::MutexLock lock(&mutex_);
      const auto news = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return stopping_ || changed_;
      };
      threads_->Await(&mutex_, absl::Condition(&news));
      if (stopping_) return;
      changed_ = false;
      node = node_;
      order = order_;
    }
    Obey(node, order);
  }
}

void TraceReporter::Obey(uint64_t node, const TraceOrder& order) {
  if (order.trace() == 0) {
    recorder_->Stop();
    recording_ = 0;
  } else if (!order.collect()) {
    recorder_->Start(order.job(), order.first_step(), order.end_step());
    recording_ = order.trace();
  } else {
    Send(node, order.trace());
  }
}

void TraceReporter::Send(uint64_t node, uint64_t trace) {
  AddSpansRequest part;
  part.set_node(node);
  part.set_trace(trace);
  if (std::exchange(recording_, 0) != trace) {
    part.set_missing("heard of the trace after its last step");
    SendPart(part);
    return;
  }
  const TraceRecorder::Recording recording = recorder_->Stop();
  size_t sent = 0;
  do {
    part.clear_spans();
    const size_t end = std::min(recording.spans.size(), sent + kSpansInPart);
    for (; sent < end; ++sent) {
      *part.add_spans() = ToProto(recording.spans[sent]);
    }
    if (sent == recording.spans.size()) {
      part.set_last(true);
      part.set_dropped(recording.dropped);
      MeasureClock(&part);
    }
    if (!SendPart(part)) return;
    part.set_part(part.part() + 1);
  } while (!part.last());
}

bool TraceReporter::SendPart(const AddSpansRequest& part) {
  absl::Status status;
  for (int i = 0; i < kTries; ++i) {
    status = client_->AddSpans(part).status();
    if (status.ok()) return true;
    if (!absl::IsUnavailable(status)) break;
    absl::MutexLock lock(&mutex_);
    const auto over = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return stopping_ || changed_;
    };
    if (threads_->AwaitFor(&mutex_, absl::Condition(&over), kPause)) break;
  }
  LOG(WARNING) << "spans of trace " << part.trace() << " are lost: " << status;
  return false;
}

void TraceReporter::MeasureClock(AddSpansRequest* last) {
  int64_t quickest = std::numeric_limits<int64_t>::max();
  for (int i = 0; i < kProbes; ++i) {
    const int64_t asked = absl::ToUnixNanos(clock_->Now());
    const auto answer = client_->GetVersion(GetVersionRequest());
    const int64_t answered = absl::ToUnixNanos(clock_->Now());
    if (!answer.ok()) return;
    const int64_t took = std::max<int64_t>(0, answered - asked);
    if (took >= quickest) continue;
    quickest = took;
    last->set_clock_offset_ns(static_cast<int64_t>(answer->unix_ns()) -
                              (asked + took / 2));
    last->set_clock_error_ns(static_cast<uint64_t>(took - took / 2));
  }
}

}  // namespace hawser
