#include "scheduler/state/load_history.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"

namespace hawser {
namespace {

// What is told more often is not kept.
constexpr absl::Duration kSpacing = absl::Milliseconds(900);

const WorkerLoad* Find(const ServerLoad& load, uint64_t node) {
  for (const WorkerLoad& worker : load.workers()) {
    if (worker.node() == node) return &worker;
  }
  return nullptr;
}

// `later` does not follow from `earlier`.
bool BeginsAnew(const ServerLoad& earlier, const ServerLoad& later) {
  return later.incarnation() != earlier.incarnation() ||
         later.pushes() < earlier.pushes() ||
         later.push_bytes() < earlier.push_bytes();
}

// The middle one of the known speeds; of an even number the faster of the two
// in the middle, so that of two workers the slower can be the straggler.
double MedianSpeed(const std::vector<LoadHistory::WorkerRate>& workers) {
  std::vector<double> speeds;
  for (const auto& worker : workers) {
    if (worker.samples_per_second > 0) {
      speeds.push_back(worker.samples_per_second);
    }
  }
  if (speeds.empty()) return 0;
  std::sort(speeds.begin(), speeds.end());
  return speeds[speeds.size() / 2];
}

}  // namespace

void LoadHistory::Note(uint64_t node, const ServerLoad& load, absl::Time now) {
  std::deque<Told>& told = told_[node];
  if (!told.empty() &&
      (BeginsAnew(told.back().load, load) || now < told.back().time)) {
    told.clear();
  }
  if (told.size() >= 2 && now - told[told.size() - 2].time < kSpacing) {
    told.back() = {now, load};
  } else {
    told.push_back({now, load});
  }
  while (told.size() > 2 && told.front().time < now - kWindow) {
    told.pop_front();
  }
  // Servers of the job that are gone.
  std::erase_if(told_, [&](const auto& entry) {
    return entry.second.back().time < now - kWindow;
  });
}

const std::deque<LoadHistory::Told>* LoadHistory::OfFirstBlock(
    absl::Time now) const {
  for (const auto& [node, told] : told_) {
    if (told.back().load.workers_size() != 0 &&
        told.back().time >= now - kWindow) {
      return &told;
    }
  }
  return nullptr;
}

std::vector<LoadHistory::WorkerRate> LoadHistory::Workers(
    absl::Time now) const {
  std::vector<WorkerRate> rates;
  const std::deque<Told>* told = OfFirstBlock(now);
  if (told == nullptr) return rates;
  const Told& first = told->front();
  const Told& last = told->back();
  uint64_t furthest = 0;
  for (const WorkerLoad& worker : last.load.workers()) {
    furthest = std::max(furthest, worker.clock());
  }
  for (const WorkerLoad& worker : last.load.workers()) {
    WorkerRate rate = {worker.node(), worker.clock(),
                       furthest - worker.clock()};
    const WorkerLoad* before = Find(first.load, worker.node());
    if (before != nullptr && worker.busy_ns() > before->busy_ns() &&
        worker.samples() >= before->samples() && last.time > first.time) {
      const double busy =
          1e-9 * static_cast<double>(worker.busy_ns() - before->busy_ns());
      rate.samples_per_second =
          static_cast<double>(worker.samples() - before->samples()) / busy;
      rate.busy =
          std::min(1.0, busy / absl::ToDoubleSeconds(last.time - first.time));
    }
    rates.push_back(std::move(rate));
  }
  const double median = MedianSpeed(rates);
  for (WorkerRate& rate : rates) {
    if (rate.samples_per_second > 0 &&
        rate.samples_per_second < kStragglerShare * median) {
      rate.straggler = absl::StrFormat("%.0f %% of the median speed",
                                       100 * rate.samples_per_second / median);
    }
  }
  return rates;
}

LoadHistory::ServerRate LoadHistory::Server(uint64_t node,
                                            absl::Time now) const {
  const auto found = told_.find(node);
  if (found == told_.end()) return {};
  const Told& first = found->second.front();
  const Told& last = found->second.back();
  if (last.time < now - kWindow || last.time <= first.time) return {};
  const double seconds = absl::ToDoubleSeconds(last.time - first.time);
  return {
      static_cast<double>(last.load.pushes() - first.load.pushes()) / seconds,
      static_cast<double>(last.load.push_bytes() - first.load.push_bytes()) /
          seconds};
}

std::vector<uint64_t> LoadHistory::Staleness() const {
  for (const auto& [node, told] : told_) {
    const ServerLoad& load = told.back().load;
    if (load.workers_size() == 0) continue;
    return {load.staleness().begin(), load.staleness().end()};
  }
  return {};
}

}  // namespace hawser
