#include "scheduler/state/compaction.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/job/step_schedule.h"
#include "scheduler/state/checkpoint_list.h"
#include "scheduler/state/job_progress.h"

namespace hawser {
namespace {

// Epochs that have to follow a validation until nobody asks for it.
constexpr size_t kEpochsAfterValidation = 2;

// Of a plan, what does not change with who takes part.
std::string LastingPart(Plan plan) {
  plan.clear_incarnation();
  plan.clear_workers();
  plan.clear_servers();
  plan.clear_blocks();
  return plan.SerializeAsString();
}

// Which of one job's events stay.
class JobEvents {
 public:
  void Add(size_t position, const JournalEvent* event) {
    entries_.push_back({position, event});
  }

  void MarkSuperfluous(std::vector<bool>* stays) {
    stays_ = stays;
    MarkFormerRollBacks();
    MarkPlans();
    MarkCheckpoints();
    MarkEpochs();
    MarkValidations();
  }

 private:
  struct Entry {
    size_t position;  // in the journal
    const JournalEvent* event;
  };

  void Drop(const Entry& entry) { (*stays_)[entry.position] = false; }

  // The plans from a roll-back to the next.
  struct RollBack {
    size_t first = 0;  // where it is among the entries
    size_t end = 0;    // where the next one is
    bool changes_phases = false;
  };

  const Plan& PlanAt(size_t i) const {
    return entries_[i].event->job_planned().plan();
  }

  std::vector<RollBack> RollBacks() const {
    std::vector<RollBack> all;
    const Plan* before = nullptr;
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (!entries_[i].event->has_job_planned()) continue;
      const Plan& plan = PlanAt(i);
      if (before != nullptr && plan.has_restore() &&
          plan.blocks_since() != before->blocks_since()) {
        if (!all.empty()) all.back().end = i;
        all.push_back({i, entries_.size()});
      }
      if (before != nullptr && !all.empty()) {
        all.back().changes_phases |=
            plan.phases_size() != before->phases_size();
      }
      before = &plan;
    }
    return all;
  }

  // The last roll-back is to be made again; what is left of the others is what
  // they have not undone.
  void MarkFormerRollBacks() {
    const std::vector<RollBack> all = RollBacks();
    std::vector<bool> gone(entries_.size(), false);
    for (size_t r = 0; r + 1 < all.size(); ++r) {
      if (all[r].changes_phases) continue;
      // What was recorded of steps that have been gone back to.
      const Plan& plan = PlanAt(all[r].first);
      const uint64_t step = plan.restore().step();
      const uint64_t epochs = StepSchedule(plan).EpochsOver(step);
      for (size_t i = 0; i < all[r].first; ++i) {
        const JournalEvent& event = *entries_[i].event;
        if (event.epoch_finished().metrics().epoch() > epochs ||
            event.validation_measured().step() > step) {
          gone[i] = true;
        }
      }
      for (size_t i = all[r].first; i < all[r].end; ++i) {
        if (entries_[i].event->has_job_planned()) gone[i] = true;
      }
    }
    std::vector<Entry> left;
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (gone[i]) {
        Drop(entries_[i]);
      } else {
        left.push_back(entries_[i]);
      }
    }
    entries_ = std::move(left);
  }

  // Of plans that are alike one after the other, the first and the last stay,
  // and the one before the last, from which blocks may be on their way.
  void MarkPlans() {
    std::vector<Entry> alike;
    std::string lasting;
    const auto finish = [&] {
      for (size_t i = 1; i + 2 < alike.size(); ++i) Drop(alike[i]);
      alike.clear();
    };
    for (const Entry& entry : entries_) {
      if (!entry.event->has_job_planned()) continue;
      std::string part = LastingPart(entry.event->job_planned().plan());
      if (part != lasting) finish();
      lasting = std::move(part);
      alike.push_back(entry);
    }
    finish();
  }

  void MarkCheckpoints() {
    std::map<uint64_t, Entry> committed;  // by step, not dropped
    std::set<uint64_t> begun_from;        // restored by a plan
    std::optional<Entry> last_drop;
    const auto drop_commit = [&](uint64_t step) {
      const auto found = committed.find(step);
      if (found == committed.end()) return;
      if (begun_from.count(step) == 0) Drop(found->second);
      committed.erase(found);
    };
    for (const Entry& entry : entries_) {
      if (entry.event->has_job_planned()) {
        begun_from.insert(entry.event->job_planned().plan().restore().step());
      } else if (entry.event->has_checkpoint_committed()) {
        const uint64_t step = entry.event->checkpoint_committed().step();
        drop_commit(step);
        committed.insert_or_assign(step, entry);
      } else if (entry.event->has_checkpoint_dropped()) {
        // With the commit kept, its drop has to stay, too.
        const uint64_t step = entry.event->checkpoint_dropped().step();
        if (begun_from.count(step) != 0) continue;
        drop_commit(step);
        if (last_drop.has_value()) Drop(*last_drop);
        last_drop = entry;
      }
    }
    while (committed.size() > CheckpointList::kMost) {
      drop_commit(committed.begin()->first);
    }
  }

  void MarkEpochs() {
    uint64_t highest = 0;
    for (const Entry& entry : entries_) {
      highest =
          std::max(highest, entry.event->epoch_finished().metrics().epoch());
    }
    for (const Entry& entry : entries_) {
      const EpochMetrics& epoch = entry.event->epoch_finished().metrics();
      if (entry.event->has_epoch_finished() && !epoch.has_validation_before() &&
          epoch.epoch() + JobProgress::kMaxEpochsKept <= highest) {
        Drop(entry);
      }
    }
  }

  void MarkValidations() {
    struct Measured {
      Entry entry;
      size_t epochs;  // that were finished before
    };
    std::vector<Measured> measured;
    size_t epochs = 0;
    uint64_t blocks_since = 0;
    for (const Entry& entry : entries_) {
      if (entry.event->has_job_planned()) {
        // A roll-back: what came before stays as it is.
        const uint64_t since = entry.event->job_planned().plan().blocks_since();
        if (since != blocks_since) measured.clear();
        blocks_since = since;
      } else if (entry.event->has_validation_measured()) {
        measured.push_back({entry, epochs});
      } else if (entry.event->has_epoch_finished()) {
        ++epochs;
        std::erase_if(measured, [&](const Measured& validation) {
          if (epochs - validation.epochs < kEpochsAfterValidation) return false;
          Drop(validation.entry);
          return true;
        });
      }
    }
  }

  std::vector<Entry> entries_;
  std::vector<bool>* stays_ = nullptr;
};

uint64_t JobOf(const JournalEvent& event) {
  switch (event.event_case()) {
    case JournalEvent::kJobAccepted:
      return event.job_accepted().job();
    case JournalEvent::kJobPlanned:
      return event.job_planned().job();
    case JournalEvent::kCancelRequested:
      return event.cancel_requested().job();
    case JournalEvent::kJobChanged:
      return event.job_changed().job();
    case JournalEvent::kCheckpointCommitted:
      return event.checkpoint_committed().job();
    case JournalEvent::kCheckpointDropped:
      return event.checkpoint_dropped().job();
    case JournalEvent::kEpochFinished:
      return event.epoch_finished().job();
    case JournalEvent::kJobRunning:
      return event.job_running().job();
    case JournalEvent::kValidationMeasured:
      return event.validation_measured().job();
    case JournalEvent::kJobEnded:
      return event.job_ended().job();
    default:
      return 0;  // of none, or not known here
  }
}

// No number from this one on was handed out, of jobs, nodes and plans.
uint64_t NumbersUsed(const std::vector<JournalEvent>& events) {
  uint64_t used = 1;
  for (const JournalEvent& event : events) {
    used = std::max({used, event.numbers_reserved().limit(),
                     event.job_accepted().job() + 1,
                     event.job_planned().plan().incarnation() + 1});
  }
  return used;
}

}  // namespace

std::vector<JournalEvent> Compacted(const std::vector<JournalEvent>& events,
                                    const ClusterState& replayed) {
  std::map<uint64_t, JobEvents> jobs;
  for (const Job* job : replayed.Jobs()) jobs[job->id()];
  std::vector<bool> stays(events.size(), true);
  std::map<uint64_t, size_t> drains;  // by node, the last so far
  for (size_t i = 0; i < events.size(); ++i) {
    if (events[i].has_numbers_reserved()) stays[i] = false;
    if (events[i].has_node_drained()) {
      const auto [last, is_first] =
          drains.try_emplace(events[i].node_drained().node(), i);
      if (!is_first) stays[std::exchange(last->second, i)] = false;
    }
    const uint64_t id = JobOf(events[i]);
    if (id == 0) continue;
    const auto job = jobs.find(id);
    if (job == jobs.end()) {
      stays[i] = false;
    } else {
      job->second.Add(i, &events[i]);
    }
  }
  for (auto& [id, job] : jobs) job.MarkSuperfluous(&stays);
  std::vector<JournalEvent> left;
  for (size_t i = 0; i < events.size(); ++i) {
    if (stays[i]) left.push_back(events[i]);
  }
  if (events.empty()) return left;
  // At the end, and above the numbers of jobs and plans that are gone.
  JournalEvent numbers;
  numbers.set_unix_ms(events.back().unix_ms());
  numbers.mutable_numbers_reserved()->set_limit(NumbersUsed(events));
  left.push_back(std::move(numbers));
  return left;
}

std::string DurableState(const ClusterState& state) {
  std::string text;
  for (const Job* job : state.Jobs()) {
    JobStatus status;
    job->Describe(/*with_plan=*/true, absl::UnixEpoch(), &status);
    state.DescribeCheckpoints(*job, &status);
    status.clear_revision();
    absl::StrAppend(&text, status.DebugString(),
                    job->cancel_requested() ? "cancelled\n" : "",
                    job->change().has_value() ? job->change()->DebugString()
                                              : std::string());
    for (const auto& [step, checkpoint] : job->checkpoints().all()) {
      absl::StrAppend(&text, checkpoint.event.DebugString());
    }
    if (const auto epoch = job->progress().FinishedEpoch()) {
      absl::StrAppend(&text, "to be recorded: ", epoch->DebugString());
    }
  }
  return text;
}

}  // namespace hawser
