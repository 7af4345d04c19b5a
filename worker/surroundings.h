// What a worker reaches the rest of the world by: real in a daemon, simulated
// in tests/simulation.
#ifndef HAWSER_WORKER_SURROUNDINGS_H_
#define HAWSER_WORKER_SURROUNDINGS_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/data_plane/parameter_client.h"
#include "common/clock.h"
#include "common/shared_memory.h"
#include "common/threads.h"
#include "common/trace/trace_recorder.h"
#include "proto/scheduler.pb.h"

namespace hawser {

struct Surroundings {
  ChannelFactory make_channel;
  // Sends a report and waits until the scheduler has it. CANCELLED: the worker
  // stops.
  std::function<absl::Status(ReportRequest)> report;
  const Clock* clock = nullptr;
  Threads* threads = nullptr;
  // How much longer than it needs the next micro-batch is to take: to imitate a
  // slow machine. Empty: no longer.
  std::function<absl::Duration()> delay;
  // What is pushed is kept in it, for servers of this host to read; null: in
  // memory of this process alone.
  SharedMemory* memory = nullptr;
  TraceRecorder* trace = nullptr;  // may be null
  // Sends a report some time, or loses it. Empty: loses it.
  std::function<void(ReportRequest)> tell;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_SURROUNDINGS_H_
