// Writes a job's curves for TensorBoard while it runs (docs/tensorboard.md):
//
//   OUTPUT_ROOT/<checkpoint.directory of the job>/tensorboard/
//       events.out.tfevents....     one when the job begins to make steps, and
//                                   one after each roll-back or restart of the
//                                   scheduler
//
// A thread of its own looks every second at what is new and writes it, so that
// a slow disk delays nobody. What cannot be written is lost, logged and
// counted; the job goes on.
//
// Thread-safe.
#ifndef HAWSER_SCHEDULER_EVENT_FILES_H_
#define HAWSER_SCHEDULER_EVENT_FILES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/metrics/counter.h"
#include "common/metrics/metric_families.h"
#include "common/tensorboard/event_file.h"
#include "common/threads.h"
#include "scheduler/scheduler_driver.h"

namespace hawser {

class EventFiles {
 public:
  static constexpr absl::Duration kPeriod = absl::Seconds(1);

  // Starts. Jobs that are there already were begun by a scheduler before. All
  // outlive it.
  EventFiles(std::string output_root, SchedulerDriver* driver,
             const Clock* clock, Threads* threads);
  // Writes what is left, and stops.
  ~EventFiles();

  // What it tells at /metrics.
  void CollectMetrics(MetricFamilies* families) const;

 private:
  void Run();
  void WriteNews();
  absl::Status Write(const TrainingCurves::News& news);

  const std::string output_root_;
  SchedulerDriver* const driver_;
  const Clock* const clock_;
  Threads* const threads_;
  Counter failures_;
  std::map<uint64_t, EventFile> files_;  // by job; the thread's

  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Threads::Thread> thread_;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_EVENT_FILES_H_
