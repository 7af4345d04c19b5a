// The worker's driver: does what the scheduler's newest orders say, one job at
// a time, and drops what it was doing when they change.
//
//   idle --plan without steps--> open the data, report it --> idle
//   idle --plan with steps--> TrainingRun --done--> idle until the orders
//   change training --orders change--> cancelled --> idle training --a server
//   fails--> try again with the same plan, after a pause
//   training --the device fails--> stopped
//
// Thread-safe.
#ifndef HAWSER_WORKER_WORKER_DRIVER_H_
#define HAWSER_WORKER_WORKER_DRIVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "common/metrics/counter.h"
#include "common/metrics/metric_families.h"
#include "proto/plan.pb.h"
#include "proto/scheduler.pb.h"
#include "worker/backend/thread_pool.h"
#include "worker/data/dataset.h"
#include "worker/device_choice.h"
#include "worker/model/model.h"
#include "worker/surroundings.h"
#include "worker/training_run.h"

namespace hawser {

class WorkerDriver {
 public:
  struct Options {
    std::string data_root;
    int compute_threads = 0;         // 0: as the job says
    int64_t memory_limit_bytes = 0;  // jobs that need more fail; 0: no limit
    BackendFactory make_backend;     // empty: the CPU
    // The device has failed, and with it the driver, which takes no orders any
    // more. Empty: the process ends.
    std::function<void(absl::Status)> device_failed;
  };

  WorkerDriver(Options options, Surroundings surroundings);

  // The newest orders; returns at once.
  void Follow(uint64_t node, const Orders& orders);

  // What it tells at /metrics.
  void CollectMetrics(MetricFamilies* families);

  // Works until Stop.
  void Run();
  void Stop();

 private:
  // What the orders ask for; nothing: to be idle.
  struct Task {
    uint64_t node = 0;
    Plan plan;
  };
  // What a job needs besides its plan; kept from incarnation to incarnation.
  struct Equipment {
    uint64_t job = 0;
    std::unique_ptr<Dataset> data;
    std::unique_ptr<ThreadPool> pool;
    std::unique_ptr<Model> model;
  };

  bool NextTask(Task* task);  // false: stop
  void Perform(const Task& task);
  int ThreadsFor(const JobSpec& spec) const;
  absl::Status Equip(const Plan& plan);
  absl::Status ReportData(const Task& task);
  void Train(const Task& task);
  void FailDevice(const absl::Status& status);
  void ReportFailure(const Task& task, const absl::Status& status);
  void ReportCutOff(const Task& task, const absl::Status& status);
  absl::Status Send(const Task& task, ReportRequest report);
  // True while what was begun is what the orders ask for.
  bool IsCurrent();
  void PauseWhileCurrent();

  const Options options_;
  const Surroundings surroundings_;

  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t changes_ ABSL_GUARDED_BY(mutex_) = 0;  // of the orders
  std::optional<Task> wanted_ ABSL_GUARDED_BY(mutex_);
  TrainingRun* running_ ABSL_GUARDED_BY(mutex_) = nullptr;
  Counter runs_;
  Counter failed_runs_;
  uint64_t seen_ = 0;  // of changes_, by Run
  uint64_t attempts_ = 0;
  Equipment equipment_;
};

}  // namespace hawser

#endif  // HAWSER_WORKER_WORKER_DRIVER_H_
