#include "scheduler/event_files.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rooted_path.h"
#include "common/status_macros.h"
#include "glog/logging.h"

namespace hawser {

EventFiles::EventFiles(std::string output_root, SchedulerDriver* driver,
                       const Clock* clock, Threads* threads)
    : output_root_(std::move(output_root)),
      driver_(driver),
      clock_(clock),
      threads_(threads) {
  driver_->BeginCurves();
  thread_ = threads_->Start([this] { Run(); });
}

EventFiles::~EventFiles() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_->Join();
}

void EventFiles::Run() {
  for (bool stops = false; !stops;) {
    {
      absl::MutexLock lock(&mutex_);
      stops = threads_->AwaitFor(&mutex_, absl::Condition(&stopping_), kPeriod);
    }
    WriteNews();
  }
}

void EventFiles::WriteNews() {
  for (const TrainingCurves::News& news : driver_->TakeCurveNews()) {
    const absl::Status status = Write(news);
    if (!status.ok()) {
      failures_.Add();
      LOG_EVERY_N(WARNING, 100)
          << "points of the curves of job " << news.name
          << " are lost: " << status
          << " (--output-root must be the servers' output root)";
    }
    if (news.is_last) files_.erase(news.job);
  }
}

absl::Status EventFiles::Write(const TrainingCurves::News& news) {
  // It ends without news.
  if (news.curve.points.empty() && !news.curve.begins_anew.has_value()) {
    return absl::OkStatus();
  }
  const absl::Time now = clock_->Now();
  if (news.curve.begins_anew.has_value()) files_.erase(news.job);
  auto file = files_.find(news.job);
  if (file == files_.end()) {
    ASSIGN_OR_RETURN(
        const std::string directory,
        MakeDirectoriesBeneath(output_root_,
                               absl::StrCat(news.directory, "/tensorboard")));
    ASSIGN_OR_RETURN(EventFile created, EventFile::Create(directory, now));
    file = files_.emplace(news.job, std::move(created)).first;
    if (news.curve.begins_anew.has_value()) {
      RETURN_IF_ERROR(file->second.AppendStart(*news.curve.begins_anew, now));
    }
  }
  for (const TrainingCurve::Point& point : news.curve.points) {
    RETURN_IF_ERROR(file->second.AppendScalars(point.step, now, point.values));
  }
  return absl::OkStatus();
}

void EventFiles::CollectMetrics(MetricFamilies* families) const {
  families->Counter("hawser_scheduler_event_files_failed_total",
                    "Times that points of a job's curves could not be "
                    "written for TensorBoard.",
                    static_cast<double>(failures_.value()));
}

}  // namespace hawser
