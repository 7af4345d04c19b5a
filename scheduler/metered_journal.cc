#include "scheduler/metered_journal.h"

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"

namespace hawser {

absl::Status MeteredJournal::Append(const std::vector<JournalEvent>& events) {
  const absl::Time start = clock_->Now();
  const absl::Status status = journal_->Append(events);
  // Its clock may be set meanwhile.
  const int64_t took = absl::ToInt64Nanoseconds(clock_->Now() - start);
  appends_.Observe(static_cast<uint64_t>(std::max<int64_t>(0, took)));
  if (status.ok()) {
    events_.Add(events.size());
  } else {
    failures_.Add();
  }
  return status;
}

void MeteredJournal::CollectMetrics(MetricFamilies* families) const {
  families->Counter("hawser_scheduler_journal_events_total",
                    "Events made durable.",
                    static_cast<double>(events_.value()));
  families->Counter("hawser_scheduler_journal_failures_total",
                    "Times that the journal could not be written.",
                    static_cast<double>(failures_.value()));
  families->Histogram("hawser_scheduler_journal_append_seconds",
                      "How long it takes until events are durable.",
                      appends_.Seconds());
}

}  // namespace hawser
