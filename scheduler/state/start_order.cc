#include "scheduler/state/start_order.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "common/job/rules/from_rules.h"

namespace hawser {
namespace {

bool IsAbsolute(const std::string& directory) { return directory[0] == '/'; }

// The output root is not known here: an absolute path may lead through it.
bool MayBeSame(const std::string& one, const std::string& other) {
  if (one == other) return true;
  if (IsAbsolute(one) == IsAbsolute(other)) return false;
  return IsAbsolute(one) ? absl::EndsWith(one, "/" + other)
                         : absl::EndsWith(other, "/" + one);
}

}  // namespace

void StartOrder::Accept(uint64_t job, const JobSpec& spec) {
  Entry entry;
  entry.group = spec.personalise().of();
  entry.at_once = spec.personalise().at_once();
  entry.writes = NormalDirectory(spec.checkpoint().directory());
  writers_[entry.writes].insert(job);
  if (StartsFromNewest(spec.from())) {
    entry.reads = NormalDirectory(spec.from().checkpoint());
    readers_[entry.reads].insert(job);
  } else if (spec.from().source_case() == FromSpec::kCheckpoint) {
    entry.reads_step = NormalDirectory(spec.from().checkpoint());
    step_readers_[entry.reads_step].insert(job);
  }
  entries_[job] = std::move(entry);
}

void StartOrder::Start(uint64_t job) {
  const auto found = entries_.find(job);
  if (found == entries_.end() || found->second.at_work) return;
  found->second.at_work = true;
  if (!found->second.group.empty()) ++at_work_[found->second.group];
}

void StartOrder::HasRead(uint64_t job) {
  const auto found = entries_.find(job);
  if (found == entries_.end()) return;
  Remove(job, std::exchange(found->second.reads, ""), &readers_);
  Remove(job, std::exchange(found->second.reads_step, ""), &step_readers_);
}

std::optional<uint64_t> StartOrder::WriterBeside(const JobSpec& spec) const {
  return Before(std::numeric_limits<uint64_t>::max(),
                NormalDirectory(spec.checkpoint().directory()), writers_);
}

bool StartOrder::IsToBeRead(const std::string& step_directory) const {
  const std::string directory = NormalDirectory(step_directory);
  return std::any_of(
      step_readers_.begin(), step_readers_.end(),
      [&](const auto& entry) { return MayBeSame(directory, entry.first); });
}

void StartOrder::End(uint64_t job) {
  HasRead(job);
  const auto found = entries_.find(job);
  if (found == entries_.end()) return;
  const Entry& entry = found->second;
  Remove(job, entry.writes, &writers_);
  if (entry.at_work && !entry.group.empty() &&
      --at_work_.at(entry.group) == 0) {
    at_work_.erase(entry.group);
  }
  entries_.erase(found);
}

void StartOrder::Remove(uint64_t job, const std::string& directory,
                        JobsByDirectory* jobs) {
  const auto found = jobs->find(directory);
  if (found == jobs->end()) return;
  found->second.erase(job);
  if (found->second.empty()) jobs->erase(found);
}

std::optional<uint64_t> StartOrder::Before(uint64_t job,
                                           const std::string& directory,
                                           const JobsByDirectory& jobs) {
  const auto first = [job](const std::set<uint64_t>& ids) {
    return *ids.begin() < job ? std::optional<uint64_t>(*ids.begin())
                              : std::nullopt;
  };
  const auto same = jobs.find(directory);
  if (same != jobs.end() && first(same->second).has_value()) {
    return first(same->second);
  }
  // Absolute paths come first: '/' is below every letter and digit.
  for (const auto& [other, ids] : jobs) {
    if (!IsAbsolute(directory) && !IsAbsolute(other)) {
      if (other[0] > '/') break;
      continue;
    }
    if (MayBeSame(directory, other) && first(ids).has_value()) {
      return first(ids);
    }
  }
  return std::nullopt;
}

std::optional<StartOrder::Obstacle> StartOrder::ObstacleOf(uint64_t job) const {
  const auto found = entries_.find(job);
  if (found == entries_.end()) return std::nullopt;
  const Entry& entry = found->second;
  if (!entry.group.empty()) {
    const auto at_work = at_work_.find(entry.group);
    if (at_work != at_work_.end() && at_work->second >= entry.at_once) {
      return Obstacle{Obstacle::kTurn, 0};
    }
  }
  if (!entry.reads.empty()) {
    if (const auto writer = Before(job, entry.reads, writers_)) {
      return Obstacle{Obstacle::kWriter, *writer};
    }
  }
  if (const auto reader = Before(job, entry.writes, readers_)) {
    return Obstacle{Obstacle::kReader, *reader};
  }
  return std::nullopt;
}

}  // namespace hawser
