#include "server/checkpoint_writer.h"

#include <algorithm>
#include <utility>

#include "common/log/log_context.h"
#include "glog/logging.h"

namespace hawser {

CheckpointWriter::CheckpointWriter(std::string output_root, FileCalls* calls,
                                   const Clock* clock, Threads* threads,
                                   TraceRecorder* trace, OnOutcome on_outcome)
    : output_root_(std::move(output_root)),
      calls_(calls),
      clock_(clock),
      threads_(threads),
      trace_(trace),
      on_outcome_(std::move(on_outcome)),
      thread_(threads->Start([this] { Run(); })) {}

CheckpointWriter::~CheckpointWriter() { Stop(); }

void CheckpointWriter::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.reset();
}

void CheckpointWriter::Write(CheckpointSnapshot snapshot) {
  absl::MutexLock lock(&mutex_);
  tasks_.push_back({std::move(snapshot)});
}

void CheckpointWriter::Forget(uint64_t job) {
  absl::MutexLock lock(&mutex_);
  if (in_work_ == job) in_work_ = 0;
  for (auto it = tasks_.begin(); it != tasks_.end();) {
    it = it->snapshot.job == job ? tasks_.erase(it) : std::next(it);
  }
}

void CheckpointWriter::Run() {
  while (std::optional<Task> task = Next()) {
    const uint64_t job = task->snapshot.job;
    const uint64_t step = task->snapshot.step;
    const LogContext context(task->snapshot.job_name, step);
    const auto written = WriteNow(task->snapshot);
    if (!written.ok()) {
      LOG(ERROR) << "job " << job << ", checkpoint of step " << step << ": "
                 << written.status();
    }
    if (!IsWanted(job)) continue;
    const bool again = !written.ok() && task->snapshot.is_last;
    if (again) {
      TryAgain(*std::move(task));
    } else {
      task.reset();  // whoever is told finds its memory free
    }
    on_outcome_(job, step, written);
  }
}

bool CheckpointWriter::IsWanted(uint64_t job) const {
  absl::MutexLock lock(&mutex_);
  return in_work_ == job;
}

std::optional<CheckpointWriter::Task> CheckpointWriter::Next() {
  absl::MutexLock lock(&mutex_);
  for (;;) {
    if (stopping_) return std::nullopt;
    const absl::Time now = clock_->Now();
    absl::Time next = absl::InfiniteFuture();
    for (auto it = tasks_.begin(); it != tasks_.end(); ++it) {
      if (it->not_before <= now) {
        Task task = std::move(*it);
        tasks_.erase(it);
        in_work_ = task.snapshot.job;
        return task;
      }
      next = std::min(next, it->not_before);
    }
    const size_t known = tasks_.size();
    const auto changed = [this, known]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return stopping_ || tasks_.size() != known;
    };
    threads_->AwaitFor(&mutex_, absl::Condition(&changed), next - now);
  }
}

absl::StatusOr<CheckpointWritten> CheckpointWriter::WriteNow(
    const CheckpointSnapshot& snapshot) {
  const TraceSpan span({trace_, snapshot.job, snapshot.step}, SPAN_CHECKPOINT);
  return WriteCheckpoint(snapshot, output_root_, calls_);
}

void CheckpointWriter::TryAgain(Task task) {
  absl::MutexLock lock(&mutex_);
  if (in_work_ != task.snapshot.job) return;  // it is over by now
  task.not_before = clock_->Now() + task.pause;
  task.pause = std::min(2 * task.pause, kLongestPause);
  tasks_.push_back(std::move(task));
}

}  // namespace hawser
