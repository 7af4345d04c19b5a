// The scheduler's memory: events in order, durable before Append returns.
//
// Thread-compatible: one caller at a time.
#ifndef HAWSER_SCHEDULER_JOURNAL_H_
#define HAWSER_SCHEDULER_JOURNAL_H_

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/journal.pb.h"

namespace hawser {

class Journal {
 public:
  virtual ~Journal() = default;

  // All of the events or none. An error leaves the journal as it was.
  virtual absl::Status Append(const std::vector<JournalEvent>& events) = 0;

  // Calls `apply` for every event, oldest first. DATA_LOSS: an event is
  // damaged; the message names it and what to do.
  virtual absl::Status Replay(
      const std::function<void(const JournalEvent&)>& apply) = 0;

  // Replaces all events by what `rewrite` makes of them, in one step. An error,
  // be it that of `rewrite`, leaves the journal as it was.
  using Rewriter = std::function<absl::StatusOr<std::vector<JournalEvent>>(
      const std::vector<JournalEvent>&)>;
  virtual absl::Status Rewrite(const Rewriter& rewrite) = 0;

  // OK while nobody else may write to it, so that what it holds is what this
  // scheduler knows, and may be acted on. UNAVAILABLE: another scheduler may
  // lead by now. Cheap, and called on any thread.
  virtual absl::Status CheckLeads() const = 0;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_JOURNAL_H_
