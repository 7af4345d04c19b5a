#include "server/state/worker_counts.h"

#include <algorithm>
#include <bit>
#include <set>

namespace hawser {

void WorkerCounts::SetWorkers(const std::vector<uint64_t>& nodes) {
  const std::set<uint64_t> kept(nodes.begin(), nodes.end());
  std::erase_if(workers_, [&](const auto& entry) {
    return kept.count(entry.first) == 0;
  });
  for (const uint64_t node : nodes) {
    workers_[node].last_push = absl::InfinitePast();
  }
  step_began_ = absl::InfinitePast();
}

void WorkerCounts::Count(uint64_t node, uint64_t clock, uint64_t samples,
                         absl::Time now) {
  const auto found = workers_.find(node);
  if (found == workers_.end()) return;
  Worker& worker = found->second;
  worker.clock = std::max(worker.clock, clock);
  const absl::Time since = std::max(worker.last_push, step_began_);
  worker.last_push = now;
  // Of the first, nobody knows when the work on it began.
  if (since == absl::InfinitePast()) return;
  worker.samples += samples;
  worker.busy += std::max(now - since, absl::ZeroDuration());
}

void WorkerCounts::CountStaleness(uint64_t updates) {
  const auto place = static_cast<size_t>(std::bit_width(updates));
  ++staleness_[std::min(place, kStalenessClasses - 1)];
}

void WorkerCounts::Describe(ServerLoad* load) const {
  for (const auto& [node, worker] : workers_) {
    WorkerLoad* described = load->add_workers();
    described->set_node(node);
    described->set_clock(worker.clock);
    described->set_samples(worker.samples);
    described->set_busy_ns(
        static_cast<uint64_t>(absl::ToInt64Nanoseconds(worker.busy)));
  }
  load->mutable_staleness()->Add(staleness_.begin(), staleness_.end());
}

}  // namespace hawser
