// A member's part of a trace: records when the scheduler orders it, and sends
// what was recorded, in parts, when the order says so.
//
// With the last part goes how far the member's clock is from the scheduler's:
// of some calls the quickest, taken to have been answered in its middle (as NTP
// does), hence known to half that call's time.
//
// Thread-safe.
#ifndef HAWSER_CLIENT_MEMBER_TRACE_REPORTER_H_
#define HAWSER_CLIENT_MEMBER_TRACE_REPORTER_H_

#include <cstdint>
#include <memory>

#include "absl/synchronization/mutex.h"
#include "client/control/scheduler_client.h"
#include "common/clock.h"
#include "common/threads.h"
#include "common/trace/trace_recorder.h"
#include "proto/scheduler.pb.h"

namespace hawser {

class TraceReporter {
 public:
  // Most spans of a part.
  static constexpr size_t kSpansInPart = 8192;

  // All outlive the reporter, which is the recorder's one caller.
  TraceReporter(SchedulerClient* client, TraceRecorder* recorder,
                const Clock* clock, Threads* threads);
  // Stops.
  ~TraceReporter();

  // The newest order for node `node` (this member); returns at once.
  void Follow(uint64_t node, const TraceOrder& order);

  void Stop();

 private:
  void Run();
  void Obey(uint64_t node, const TraceOrder& order);
  void Send(uint64_t node, uint64_t trace);
  // False: it cannot be sent.
  bool SendPart(const AddSpansRequest& part);
  void MeasureClock(AddSpansRequest* last);

  SchedulerClient* const client_;
  TraceRecorder* const recorder_;
  const Clock* const clock_;
  Threads* const threads_;
  uint64_t recording_ = 0;  // the trace that is recorded; 0: none

  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool changed_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t node_ ABSL_GUARDED_BY(mutex_) = 0;
  TraceOrder order_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Threads::Thread> thread_;
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_MEMBER_TRACE_REPORTER_H_
