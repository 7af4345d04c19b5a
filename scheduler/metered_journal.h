// A journal that counts what another one does, for /metrics: events, refusals,
// and how long it takes until events are durable.
#ifndef HAWSER_SCHEDULER_METERED_JOURNAL_H_
#define HAWSER_SCHEDULER_METERED_JOURNAL_H_

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "common/clock.h"
#include "common/metrics/counter.h"
#include "common/metrics/histogram.h"
#include "common/metrics/metric_families.h"
#include "proto/journal.pb.h"
#include "scheduler/journal.h"

namespace hawser {

class MeteredJournal : public Journal {
 public:
  // Both outlive it.
  MeteredJournal(Journal* journal, const Clock* clock)
      : journal_(journal), clock_(clock) {}

  absl::Status Append(const std::vector<JournalEvent>& events) override;
  absl::Status Replay(
      const std::function<void(const JournalEvent&)>& apply) override {
    return journal_->Replay(apply);
  }
  absl::Status Rewrite(const Rewriter& rewrite) override {
    return journal_->Rewrite(rewrite);
  }
  absl::Status CheckLeads() const override { return journal_->CheckLeads(); }

  // Any thread.
  void CollectMetrics(MetricFamilies* families) const;

 private:
  Journal* const journal_;
  const Clock* const clock_;
  Counter events_;
  Counter failures_;
  DurationHistogram appends_;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_METERED_JOURNAL_H_
