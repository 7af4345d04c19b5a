// A journal in memory, for tests: it can be handed to the next scheduler, and
// told to fail.
#ifndef HAWSER_SCHEDULER_MEMORY_JOURNAL_H_
#define HAWSER_SCHEDULER_MEMORY_JOURNAL_H_

#include <atomic>
#include <vector>

#include "scheduler/journal.h"

namespace hawser {

class MemoryJournal : public Journal {
 public:
  absl::Status Append(const std::vector<JournalEvent>& events) override {
    if (failing) return absl::UnavailableError("the disk is full");
    this->events.insert(this->events.end(), events.begin(), events.end());
    return absl::OkStatus();
  }
  absl::Status Replay(
      const std::function<void(const JournalEvent&)>& apply) override {
    for (const JournalEvent& event : events) apply(event);
    return absl::OkStatus();
  }

  absl::Status Rewrite(const Rewriter& rewrite) override {
    if (failing) return absl::UnavailableError("the disk is full");
    auto rewritten = rewrite(events);
    if (!rewritten.ok()) return rewritten.status();
    events = *std::move(rewritten);
    return absl::OkStatus();
  }

  absl::Status CheckLeads() const override { return absl::OkStatus(); }

  std::atomic<bool> failing = false;
  std::vector<JournalEvent> events;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_MEMORY_JOURNAL_H_
