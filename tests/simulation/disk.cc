#include "tests/simulation/disk.h"

namespace hawser::simulation {

absl::Status Disk::Append(const std::vector<JournalEvent>& events) {
  if (full_) return absl::UnavailableError("the disk is full");
  if (mean_write_ != absl::ZeroDuration()) {
    process_->StayBusy(slowness_ *
                       random_.Between(mean_write_ / 2, mean_write_ * 1.5));
  }
  world_.log->Note(process_->name(), "journal",
                   {{"events", events.size()},
                    {"kind", static_cast<uint64_t>(events[0].event_case())}});
  writes_.push_back({process_->FreeAt(), events});
  return absl::OkStatus();
}

absl::Status Disk::Replay(
    const std::function<void(const JournalEvent&)>& apply) {
  for (const Write& write : writes_) {
    for (const JournalEvent& event : write.events) apply(event);
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
