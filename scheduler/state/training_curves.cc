#include "scheduler/state/training_curves.h"

#include <algorithm>
#include <utility>

namespace hawser {

void TrainingCurves::Begin(const ClusterState& state) {
  begun_ = true;
  for (const Job* job : state.Jobs()) {
    newest_job_ = std::max(newest_job_, job->id());
    if (!job->ended()) curves_.try_emplace(job->id(), *job, /*goes_on=*/true);
  }
}

std::vector<TrainingCurves::News> TrainingCurves::TakeNews(
    const ClusterState& state) {
  std::vector<News> news;
  if (!begun_) return news;
  const uint64_t known = newest_job_;
  for (const Job* job : state.Jobs()) {
    newest_job_ = std::max(newest_job_, job->id());
    if (job->id() > known) {
      curves_.try_emplace(job->id(), *job, /*goes_on=*/false);
    }
    const auto curve = curves_.find(job->id());
    if (curve == curves_.end()) continue;
    News one;
    one.curve = curve->second.Follow(*job);
    one.is_last = job->ended();
    if (one.is_last) curves_.erase(curve);
    if (one.curve.points.empty() && !one.curve.begins_anew.has_value() &&
        !one.is_last) {
      continue;
    }
    one.job = job->id();
    one.name = job->name();
    one.directory = job->spec().checkpoint().directory();
    news.push_back(std::move(one));
  }
  return news;
}

}  // namespace hawser
