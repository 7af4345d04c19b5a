#include "tests/simulation/disk.h"

#include <utility>

#include "common/status_macros.h"

namespace hawser::simulation {

void Disk::Add(Write write) {
  if (mean_write_ != absl::ZeroDuration()) {
    process_->StayBusy(slowness_ *
                       random_.Between(mean_write_ / 2, mean_write_ * 1.5));
  }
  write.durable_at = process_->FreeAt();
  writes_.push_back(std::move(write));
}

absl::Status Disk::Append(const std::vector<JournalEvent>& events) {
  if (full_) return absl::UnavailableError("the disk is full");
  Add({.events = events});
  world_.log->Note(process_->name(), "journal",
                   {{"events", events.size()},
                    {"kind", static_cast<uint64_t>(events[0].event_case())}});
  return absl::OkStatus();
}

absl::Status Disk::Rewrite(const Rewriter& rewrite) {
  if (full_) return absl::UnavailableError("the disk is full");
  std::vector<JournalEvent> events;
  RETURN_IF_ERROR(
      Replay([&](const JournalEvent& event) { events.push_back(event); }));
  auto rewritten = rewrite(events);
  if (!rewritten.ok()) return rewritten.status();
  world_.log->Note(process_->name(), "rewrites the journal",
                   {{"from", events.size()}, {"to", rewritten->size()}});
  Add({.events = *std::move(rewritten), .replaces = true});
  return absl::OkStatus();
}

absl::Status Disk::Replay(
    const std::function<void(const JournalEvent&)>& apply) {
  auto write = writes_.begin();
  for (auto it = writes_.begin(); it != writes_.end(); ++it) {
    if (it->replaces) write = it;
  }
  for (; write != writes_.end(); ++write) {
    for (const JournalEvent& event : write->events) apply(event);
  }
  return absl::OkStatus();
}

void Disk::Crash() {
  while (!writes_.empty() &&
         writes_.back().durable_at > world_.timeline->now() &&
         random_.Chance(0.5)) {
    writes_.pop_back();
    world_.log->Note(process_->name(), "loses a write");
  }
  for (Write& write : writes_) write.durable_at = absl::InfinitePast();
}

}  // namespace hawser::simulation
