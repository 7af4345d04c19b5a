// What workers are told.
#include <algorithm>
#include <cmath>
#include <utility>

#include "server/state/micro_batch_leases.h"

namespace hawser {
namespace {

// A lease that has taken this much longer than expected is overdue.
constexpr double kOverdue = 1.25;
// Of a worker's share of what is left in a step, how much is leased at once:
// the rest evens out what was not foreseen.
constexpr double kShareAtOnce = 0.75;
// Equal leases of a step, per worker.
constexpr double kEqualLeases = 4;
// A worker that was too slow is tried again after so many steps.
constexpr uint64_t kTryAgainAfter = 16;

}  // namespace

MicroBatchLeases::Grants MicroBatchLeases::Serve(absl::Time now) {
  Grants grants;
  if (!begun_) return grants;
  BeginValidation();
  bool none_for_slower = false;
  for (const uint64_t node : InOrder()) {
    if (none_for_slower && !IsServedThough(node)) continue;
    if (!ServeOne(node, now, &grants) && FastestFirst()) none_for_slower = true;
  }
  AdvanceClocks(&grants);
  return grants;
}

// Where the fastest come first, what one of them is refused slower ones are
// refused, too: others do as much of the pool, and more, before they have done
// a micro-batch (IsTooSlowFor), and a backup pays for them even less.
bool MicroBatchLeases::FastestFirst() const {
  return !on_arrival() && scheduling_.policy() == DYNAMIC &&
         scheduling_.leases() == ADAPTIVE;
}

bool MicroBatchLeases::IsServedThough(uint64_t node) const {
  return workers_.at(node).behind || (pool_.size() != 0 && IsTriedAgain(node));
}

bool MicroBatchLeases::IsTriedAgain(uint64_t node) const {
  return step_ - workers_.at(node).last_step >= kTryAgainAfter;
}

// One pass after the other: each epoch whose work is done has its own, however
// late, since the epoch is not finished without.
void MicroBatchLeases::BeginValidation() {
  const uint64_t complete =
      on_arrival() ? done_.floor() / micro_batches_ : step_;
  while (validation_.chunks() != 0 && !validation_.active()) {
    const uint64_t next =
        schedule_.StepsAtEndOf(schedule_.EpochsOver(validation_.version()) + 1);
    if (next > complete || next <= validation_.version()) return;
    if (IsLeased(next)) {
      validation_.Start(next);
    } else if (next < start_step()) {
      validation_.SkipTo(next + 1);
    } else {
      return;  // another plan may yet have it leased
    }
  }
}

bool MicroBatchLeases::IsLeased(uint64_t step) const {
  return scheduling_.policy() == DYNAMIC ||
         schedule_.PhaseOf(step).synchronisation().mode() != SYNCHRONOUS;
}

std::vector<uint64_t> MicroBatchLeases::InOrder() const {
  std::vector<uint64_t> nodes(waiting_.begin(), waiting_.end());
  switch (scheduling_.leases()) {
    case ROUND_ROBIN:
      std::rotate(nodes.begin(),
                  std::upper_bound(nodes.begin(), nodes.end(), last_served_),
                  nodes.end());
      break;
    case LEAST_LOAD:
      std::stable_sort(nodes.begin(), nodes.end(), [&](uint64_t a, uint64_t b) {
        return workers_.at(a).load_seconds < workers_.at(b).load_seconds;
      });
      break;
    default:
      std::vector<std::pair<double, uint64_t>> slowest_last;
      for (const uint64_t node : nodes) {
        slowest_last.emplace_back(-speeds_.Of(node), node);
      }
      std::sort(slowest_last.begin(), slowest_last.end());
      for (size_t i = 0; i < nodes.size(); ++i) {
        nodes[i] = slowest_last[i].second;
      }
  }
  return nodes;
}

bool MicroBatchLeases::ServeOne(uint64_t node, absl::Time now, Grants* grants) {
  if (workers_.at(node).behind) {
    return TellPhaseOver(node, start_step(), grants);
  }
  if (LeaseValidation(node, now, grants)) return true;
  if (ValidationIsDue() && !on_arrival()) return false;
  if (!IsLeased(start_step())) {
    return !ValidationIsDue() && TellPhaseOver(node, step_, grants);
  }
  return LeaseRun(node, now, grants) || LeaseBackup(node, now, grants) ||
         FinishPhase(node, now, grants);
}

Lease* MicroBatchLeases::NewLease(uint64_t node, Work work, Run run,
                                  absl::Time now, Grants* grants) {
  Worker& worker = workers_.at(node);
  SetWaiting(node, false);
  worker.lease = Outstanding{next_number_, work, run, now};
  last_served_ = node;
  Grant grant;
  grant.node = node;
  grant.lease.set_number(next_number_++);
  grants->push_back(grant);
  return &grants->back().lease;
}

bool MicroBatchLeases::LeaseValidation(uint64_t node, absl::Time now,
                                       Grants* grants) {
  if (!ValidationIsDue()) return false;
  const auto chunks = validation_.Take(workers_.size());
  if (!chunks.has_value()) return false;
  Worker& worker = workers_.at(node);
  ValidationLease* lease =
      NewLease(node, Work::kValidation, *chunks, now, grants)
          ->mutable_validation();
  lease->set_step(validation_.version());
  lease->set_first_chunk(static_cast<uint32_t>(chunks->position));
  lease->set_last_chunk(static_cast<uint32_t>(chunks->end()));
  lease->set_total_chunks(validation_.chunks());
  if (staleness().has_value()) {
    // It has nothing to push meanwhile, so that nobody need wait for it.
    worker.next_clock = std::max(worker.next_clock, latest_clock_);
  }
  lease->set_clock(worker.next_clock);
  return true;
}

bool MicroBatchLeases::LeaseRun(uint64_t node, absl::Time now, Grants* grants) {
  Worker& worker = workers_.at(node);
  if (scheduling_.policy() == STATIC && worker.first == worker.last) {
    return false;
  }
  std::optional<Run> run = TakeRun(node, now);
  // An epoch's work is there when the worker has had its part of the last, and
  // is not held back in it.
  while (!run.has_value() && LeasableEnd() == frontier_ && AddEpoch()) {
    run = TakeRun(node, now);
  }
  if (!run.has_value()) return false;
  worker.load_seconds +=
      static_cast<double>(run->count) * speeds_.SecondsOf(node);
  worker.last_step = step_;
  RunLease* lease =
      NewLease(node, Work::kRun, *run, now, grants)->mutable_run();
  lease->set_position(run->position);
  lease->set_run(static_cast<uint32_t>(run->count));
  if (on_arrival()) {
    cuts_.Leased(*run);
    lease->set_clock(worker.next_clock);
    latest_clock_ = std::max(latest_clock_, worker.next_clock);
    ++worker.next_clock;
  }
  return true;
}

std::optional<Run> MicroBatchLeases::TakeRun(uint64_t node, absl::Time now) {
  Worker& worker = workers_.at(node);
  const uint64_t end = LeasableEnd();
  if (scheduling_.policy() != STATIC) {
    const std::optional<uint64_t> first = pool_.first();
    if (!first.has_value() || *first >= end || IsTooSlowFor(node, now)) {
      return std::nullopt;
    }
    return pool_.Take(std::min(SizeFor(node), end - *first));
  }
  const auto run =
      pool_.TakeOf(worker.first, worker.last, worker.search_from, end);
  if (run.has_value()) worker.search_from = run->position;
  return run;
}

uint64_t MicroBatchLeases::LeasableEnd() {
  return on_arrival() ? cuts_.End(frontier_, schedule_)
                      : end_step() * micro_batches_;
}

uint64_t MicroBatchLeases::SizeFor(uint64_t node) const {
  const auto all = static_cast<double>(micro_batches_);
  const auto workers = static_cast<double>(workers_.size());
  const double speed = speeds_.Of(node);
  double size = 0;
  if (on_arrival()) {
    size = scheduling_.leases() == ADAPTIVE ? speed * SecondsOnArrival() + 0.5
                                            : all / workers;
    const double window = synchronisation().staleness_seconds();
    if (window > 0) size = std::min(size, window * speed);
  } else if (scheduling_.leases() == ADAPTIVE) {
    size = static_cast<double>(pool_.size()) * speed / speeds_.Total() *
           kShareAtOnce;
  } else {
    size = all / (kEqualLeases * workers);
  }
  return std::max<uint64_t>(1, static_cast<uint64_t>(size));
}

// What every lease is to take, so that clocks go about evenly: as long as all
// workers together take for a step. With a bound the slowest sets the pace of
// all, so that it must be able to keep up: a micro-batch of it at least, unless
// a worker got more than a step then.
double MicroBatchLeases::SecondsOnArrival() const {
  const auto all = static_cast<double>(micro_batches_);
  const double seconds = all / speeds_.Total();
  if (!staleness().has_value()) return seconds;
  return std::max(
      seconds, std::min(speeds_.MostSeconds(), all * speeds_.LeastSeconds()));
}

// Once per step, a worker leaves what is left to the others if they will have
// done all of it before it has computed a single micro-batch. Of workers that
// wait, the fastest never leaves it to those that wait, too.
bool MicroBatchLeases::IsTooSlowFor(uint64_t node, absl::Time now) const {
  if (on_arrival() || scheduling_.leases() != ADAPTIVE) return false;
  if (IsTriedAgain(node)) return false;
  const double seconds = speeds_.SecondsOf(node);
  const auto left = static_cast<double>(pool_.size());
  // All of them together could not.
  if (seconds * speeds_.Total() < left) return false;
  double by_others = 0;  // micro-batches, before that
  for (const auto& [other, worker] : workers_) {
    double busy = 0;
    if (other == node) continue;
    if (worker.lease.has_value() && !worker.lease->moot) {
      busy = ExpectedSecondsLeft(other, *worker.lease, now);
    } else if (!worker.waiting) {
      continue;
    }
    const double most = (seconds - busy) * speeds_.Of(other);
    by_others += std::max(0.0, std::ceil(most) - 1);
    if (by_others >= left) return true;
  }
  return by_others >= left;
}

double MicroBatchLeases::ExpectedSecondsLeft(uint64_t node,
                                             const Outstanding& lease,
                                             absl::Time now) const {
  const double expected =
      static_cast<double>(lease.run.count) * speeds_.SecondsOf(node);
  const double elapsed = absl::ToDoubleSeconds(now - lease.since);
  // Overdue: as long again as it has taken.
  return elapsed > kOverdue * expected ? elapsed
                                       : std::max(0.0, expected - elapsed);
}

bool MicroBatchLeases::LeaseBackup(uint64_t node, absl::Time now,
                                   Grants* grants) {
  if (on_arrival() || scheduling_.policy() != DYNAMIC ||
      scheduling_.no_backups() || pool_.size() != 0) {
    return false;
  }
  Outstanding* slowest = nullptr;
  double latest = speeds_.SecondsOf(node);  // what the backup itself takes
  for (auto& [other, worker] : workers_) {
    if (other == node || !worker.lease.has_value()) continue;
    Outstanding& lease = *worker.lease;
    if (lease.work != Work::kRun || lease.moot ||
        lease.backed_up == lease.run.count) {
      continue;
    }
    const double seconds = ExpectedSecondsLeft(other, lease, now);
    if (seconds <= latest) continue;
    latest = seconds;
    slowest = &lease;
  }
  if (slowest == nullptr) return false;
  ++slowest->backed_up;
  const Run run = {slowest->run.end() - slowest->backed_up, 1};
  RunLease* lease = NewLease(node, Work::kRun, run, now, grants)->mutable_run();
  workers_.at(node).lease->backup = true;
  lease->set_position(run.position);
  lease->set_run(1);
  lease->set_backup(true);
  return true;
}

bool MicroBatchLeases::ValidationIsDue() const {
  // Block 0 may have been a step ahead of others when a worker was lost: the
  // step is made again, for them, before anybody can read the next version.
  return validation_.active() &&
         (on_arrival() || validation_.version() <= step_);
}

bool MicroBatchLeases::TrainingIsOver() const {
  return on_arrival() ? done_.floor() == end_step() * micro_batches_
                      : step_ == end_step();
}

bool MicroBatchLeases::FinishPhase(uint64_t node, absl::Time now,
                                   Grants* grants) {
  if (!TrainingIsOver() || validation_.active()) return false;
  if (end_step() == schedule_.total_steps() && !hashed_) {
    if (hash_leased_) return false;
    hash_leased_ = true;
    NewLease(node, Work::kHash, {0, 1}, now, grants)
        ->mutable_hash()
        ->set_step(end_step());
    return true;
  }
  return TellPhaseOver(node, end_step(), grants);
}

bool MicroBatchLeases::TellPhaseOver(uint64_t node, uint64_t step,
                                     Grants* grants) {
  Grant grant;
  grant.node = node;
  grant.lease.set_phase_over_at(step);
  grants->push_back(grant);
  SetWaiting(node, false);
  return true;
}

void MicroBatchLeases::AdvanceClocks(Grants* grants) {
  const std::optional<uint64_t> bound = staleness();
  if (!bound.has_value() || latest_clock_ <= *bound) return;
  if (TrainingIsOver()) return;  // nobody reads any more
  const uint64_t needed = latest_clock_ - *bound;
  for (const uint64_t node : waiting_) {
    Worker& worker = workers_.at(node);
    if (worker.told_clock >= needed) continue;
    worker.next_clock = std::max(worker.next_clock, needed);
    worker.told_clock = needed;
    Grant grant;
    grant.node = node;
    grant.lease.set_advance_clock_to(needed);
    grants->push_back(grant);
  }
}

absl::Time MicroBatchLeases::NextDeadline(absl::Time now) const {
  absl::Time next = absl::InfiniteFuture();
  if (on_arrival() || scheduling_.policy() != DYNAMIC) return next;
  // With work in the pool, those who wait have left it to others, who may fail
  // to do it.
  const bool all_is_leased = pool_.size() == 0;
  if (all_is_leased && scheduling_.no_backups()) return next;
  double fastest = 0;
  for (const uint64_t node : waiting_) {
    fastest = std::max(fastest, speeds_.Of(node));
  }
  if (fastest == 0) return next;
  for (const auto& [node, worker] : workers_) {
    if (!worker.lease.has_value()) continue;
    const Outstanding& lease = *worker.lease;
    if (lease.work != Work::kRun || lease.moot ||
        (all_is_leased && lease.backed_up == lease.run.count)) {
      continue;
    }
    const double expected =
        static_cast<double>(lease.run.count) * speeds_.SecondsOf(node);
    const absl::Time overdue =
        lease.since +
        absl::Seconds(std::max(kOverdue * expected, 1 / fastest)) +
        absl::Milliseconds(1);
    if (overdue > now) next = std::min(next, overdue);
  }
  return next;
}

}  // namespace hawser
