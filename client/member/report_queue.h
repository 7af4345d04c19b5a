// Reports of a member that wait for the scheduler, in order. It may be away for
// long while work goes on: sums over steps, which come all the time, take the
// place of those that wait, and lose nothing by it; of other reports, which are
// few, the oldest is lost when too many wait.
//
// Not thread-safe.
#ifndef HAWSER_CLIENT_MEMBER_REPORT_QUEUE_H_
#define HAWSER_CLIENT_MEMBER_REPORT_QUEUE_H_

#include <cstddef>
#include <deque>

#include "proto/scheduler.pb.h"

namespace hawser {

class ReportQueue {
 public:
  static constexpr size_t kMaxReports = 4096;
  // Of what is told of steps in one report.
  static constexpr int kMaxEpochs = 10000;

  // False: one has been lost for it.
  bool Push(ReportRequest report);
  // The oldest. Requires one.
  ReportRequest Pop();
  void Clear() { reports_.clear(); }

  bool empty() const { return reports_.empty(); }
  size_t size() const { return reports_.size(); }

 private:
  std::deque<ReportRequest> reports_;
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_MEMBER_REPORT_QUEUE_H_
