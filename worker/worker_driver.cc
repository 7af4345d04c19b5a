#include "worker/worker_driver.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/job/job_rules.h"
#include "common/log/log_context.h"
#include "common/status_macros.h"
#include "glog/logging.h"
#include "worker/backend/cpu/cpu_backend.h"
#include "worker/cut_off.h"
#include "worker/memory_need.h"

namespace hawser {
namespace {

// Between two tries with the same plan, when a server does not answer.
constexpr absl::Duration kPause = absl::Milliseconds(50);

}  // namespace

WorkerDriver::WorkerDriver(Options options, Surroundings surroundings)
    : options_(std::move(options)), surroundings_(std::move(surroundings)) {}

void WorkerDriver::Follow(uint64_t node, const Orders& orders) {
  absl::MutexLock lock(&mutex_);
  wanted_.reset();
  if (orders.plans_size() != 0) wanted_ = Task{node, orders.plans(0)};
  ++changes_;
  if (running_ != nullptr) running_->Cancel();
}

void WorkerDriver::CollectMetrics(MetricFamilies* families) {
  families->Counter("hawser_worker_runs_total",
                    "How often training was begun: once an incarnation, and "
                    "once after each failure.",
                    static_cast<double>(runs_.value()));
  families->Counter("hawser_worker_failed_runs_total",
                    "Runs that a server's failure has ended.",
                    static_cast<double>(failed_runs_.value()));
  absl::MutexLock lock(&mutex_);
  families->Gauge("hawser_worker_training", "1: it works on a job's steps.",
                  running_ == nullptr ? 0 : 1);
  if (!wanted_.has_value()) return;
  families->Gauge("hawser_worker_job", "1, with the job that it serves.", 1,
                  {{"job_name", wanted_->plan.spec().name()}});
}

void WorkerDriver::Stop() {
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
  if (running_ != nullptr) running_->Cancel();
}

void WorkerDriver::Run() {
  Task task;
  while (NextTask(&task)) Perform(task);
}

bool WorkerDriver::NextTask(Task* task) {
  absl::MutexLock lock(&mutex_);
  const auto ready = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return stopping_ || (changes_ != seen_ && wanted_.has_value());
  };
  surroundings_.threads->Await(&mutex_, absl::Condition(&ready));
  if (stopping_) return false;
  seen_ = changes_;
  *task = *wanted_;
  return true;
}

bool WorkerDriver::IsCurrent() {
  absl::MutexLock lock(&mutex_);
  return !stopping_ && changes_ == seen_;
}

void WorkerDriver::PauseWhileCurrent() {
  absl::MutexLock lock(&mutex_);
  const auto changed = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return stopping_ || changes_ != seen_;
  };
  surroundings_.threads->AwaitFor(&mutex_, absl::Condition(&changed), kPause);
}

void WorkerDriver::Perform(const Task& task) {
  const LogContext context(task.plan.spec().name());
  const absl::Status equipped = Equip(task.plan);
  if (!equipped.ok()) {
    ReportFailure(task, equipped);
    return;
  }
  if (task.plan.total_steps() == 0) {
    const absl::Status status = ReportData(task);
    LOG_IF(WARNING, !status.ok()) << status;
    return;
  }
  Train(task);
}

int WorkerDriver::ThreadsFor(const JobSpec& spec) const {
  return options_.compute_threads != 0
             ? options_.compute_threads
             : static_cast<int>(spec.resources().threads_per_worker());
}

absl::Status WorkerDriver::Equip(const Plan& plan) {
  if (equipment_.job == plan.job()) return absl::OkStatus();
  equipment_ = Equipment();
  const JobSpec& spec = plan.spec();
  if (options_.memory_limit_bytes != 0) {
    RETURN_IF_ERROR(CheckMemory(spec, plan.parameters(), ThreadsFor(spec),
                                options_.memory_limit_bytes));
  }
  Equipment next;
  ASSIGN_OR_RETURN(next.data,
                   OpenDataset(spec.data(), spec.model(), options_.data_root));
  next.pool = std::make_unique<ThreadPool>(ThreadsFor(spec));
  ASSIGN_OR_RETURN(std::unique_ptr<Backend> backend,
                   options_.make_backend
                       ? options_.make_backend(next.pool.get())
                       : absl::StatusOr<std::unique_ptr<Backend>>(
                             MakeCpuBackend(next.pool.get())));
  ASSIGN_OR_RETURN(next.model, MakeModel(spec.model(), LargestBatch(plan),
                                         std::move(backend)));
  RETURN_IF_ERROR(next.model->CheckData(next.data->shape()));
  next.job = plan.job();
  equipment_ = std::move(next);
  return absl::OkStatus();
}

absl::Status WorkerDriver::ReportData(const Task& task) {
  ReportRequest report;
  report.mutable_data_loaded()->set_training_samples(
      static_cast<uint64_t>(equipment_.data->training_samples()));
  report.mutable_data_loaded()->set_validation_samples(
      static_cast<uint64_t>(equipment_.data->validation_samples()));
  report.mutable_data_loaded()->set_validation_bytes(
      static_cast<uint64_t>(equipment_.data->validation_bytes()));
  return Send(task, std::move(report));
}

void WorkerDriver::Train(const Task& task) {
  const Dataset& data = *equipment_.data;
  if (static_cast<uint64_t>(data.training_samples()) !=
          task.plan.training_samples() ||
      static_cast<uint64_t>(data.validation_samples()) !=
          task.plan.validation_samples()) {
    ReportFailure(task, absl::InvalidArgumentError(absl::StrCat(
                            "this worker has ", data.training_samples(), " + ",
                            data.validation_samples(),
                            " samples, the job's other workers ",
                            task.plan.training_samples(), " + ",
                            task.plan.validation_samples())));
    return;
  }
  CutOff cut_off(surroundings_.clock->Now());
  while (IsCurrent()) {
    if (surroundings_.memory != nullptr) surroundings_.memory->BeginAnew();
    TrainingRun run(task.plan, task.node, ++attempts_, equipment_.data.get(),
                    equipment_.model.get(), &surroundings_);
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_ || changes_ != seen_) return;
      running_ = &run;
    }
    runs_.Add();
    const absl::Status status = run.Run();
    {
      absl::MutexLock lock(&mutex_);
      running_ = nullptr;
    }
    if (!equipment_.model->status().ok()) {
      FailDevice(equipment_.model->status());
      return;
    }
    if (status.ok()) return;  // idle until the orders change
    if (!absl::IsCancelled(status)) {
      failed_runs_.Add();
      LOG(WARNING) << "job " << task.plan.spec().name() << ": " << status
                   << "; trying again";
    }
    if (cut_off.Tried(status, run.has_begun(), surroundings_.clock->Now())) {
      ReportCutOff(task, status);
    }
    PauseWhileCurrent();
  }
}

void WorkerDriver::FailDevice(const absl::Status& status) {
  LOG_IF(FATAL, !options_.device_failed) << status;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  options_.device_failed(status);
}

void WorkerDriver::ReportCutOff(const Task& task, const absl::Status& status) {
  ReportRequest report;
  report.mutable_failed()->set_message(std::string(status.message()));
  report.mutable_failed()->set_cut_off(true);
  Send(task, std::move(report)).IgnoreError();
}

void WorkerDriver::ReportFailure(const Task& task, const absl::Status& status) {
  LOG(ERROR) << "job " << task.plan.spec().name() << ": " << status;
  ReportRequest report;
  report.mutable_failed()->set_message(std::string(status.message()));
  report.mutable_failed()->set_permanent(true);
  Send(task, std::move(report)).IgnoreError();
}

absl::Status WorkerDriver::Send(const Task& task, ReportRequest report) {
  report.set_job(task.plan.job());
  report.set_incarnation(task.plan.incarnation());
  return surroundings_.report(std::move(report));
}

}  // namespace hawser
