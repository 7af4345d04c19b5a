#include "client/member/report_queue.h"

#include <algorithm>
#include <utility>

namespace hawser {
namespace {

// Of one incarnation: in another, steps may have been made again.
bool AreOfTheSameSteps(const ReportRequest& a, const ReportRequest& b) {
  return a.has_steps_done() && b.has_steps_done() && a.job() == b.job() &&
         a.node() == b.node() && a.incarnation() == b.incarnation();
}

// Makes `waiting` tell what both tell. False: it cannot.
bool Merge(const StepsDone& news, StepsDone* waiting) {
  const uint64_t first = std::min(waiting->first_epoch(), news.first_epoch());
  const uint64_t kept = news.first_epoch() - first;  // of what waits
  if (kept > static_cast<uint64_t>(waiting->per_epoch_size()) ||
      kept + static_cast<uint64_t>(news.per_epoch_size()) >
          ReportQueue::kMaxEpochs) {
    return false;
  }
  StepsDone merged = news;
  merged.clear_per_epoch();
  if (kept != 0) {
    merged.set_first_epoch(first);
    merged.set_first_step(waiting->first_step());
    merged.set_forgotten(waiting->forgotten());
  }
  for (int i = 0; i < static_cast<int>(kept); ++i) {
    *merged.add_per_epoch() = waiting->per_epoch(i);
  }
  merged.mutable_per_epoch()->MergeFrom(news.per_epoch());
  *waiting = std::move(merged);
  return true;
}

}  // namespace

bool ReportQueue::Push(ReportRequest report) {
  for (ReportRequest& waiting : reports_) {
    if (AreOfTheSameSteps(waiting, report) &&
        Merge(report.steps_done(), waiting.mutable_steps_done())) {
      return true;
    }
  }
  const bool is_full = reports_.size() == kMaxReports;
  if (is_full) reports_.pop_front();
  reports_.push_back(std::move(report));
  return !is_full;
}

ReportRequest ReportQueue::Pop() {
  ReportRequest report = std::move(reports_.front());
  reports_.pop_front();
  return report;
}

}  // namespace hawser
