#include "server/state/micro_batch_leases.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"

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

MicroBatchLeases::MicroBatchLeases(const Plan& plan, uint32_t validation_chunks)
    : micro_batches_(plan.spec().schedule().micro_batches()),
      scheduling_(plan.spec().scheduling()),
      schedule_(plan),
      pool_(micro_batches_),
      validation_(validation_chunks) {
  SetWorkers(plan);
}

bool MicroBatchLeases::on_arrival() const {
  return synchronisation().mode() != SYNCHRONOUS;
}

const SynchronisationSpec& MicroBatchLeases::synchronisation() const {
  return schedule_.phases()[phase_].synchronisation();
}

std::optional<uint64_t> MicroBatchLeases::staleness() const {
  const SynchronisationSpec& spec = synchronisation();
  if (spec.mode() != BOUNDED_STALENESS || spec.staleness_seconds() > 0) {
    return std::nullopt;
  }
  return spec.staleness();
}

void MicroBatchLeases::SetWorkers(const Plan& plan) {
  workers_.clear();
  for (const MicroBatchRange& range : plan.workers()) {
    Worker& worker = workers_[range.node()];
    worker.first = range.first();
    worker.last = range.last();
  }
  speeds_.Reset(std::max<uint64_t>(1, workers_.size()));
  latest_clock_ = 0;
}

void MicroBatchLeases::Adopt(const Plan& plan) {
  for (auto& [node, worker] : workers_) Settle(&worker, std::nullopt);
  const std::string before = schedule_.phases()[phase_].SerializeAsString();
  schedule_ = StepSchedule(plan);
  CHECK_LT(phase_, schedule_.phases().size()) << "a phase was taken back";
  SetWorkers(plan);
  validation_.StartOver();
  begun_ = false;
  if (!on_arrival()) {
    pool_.Clear();
  } else if (schedule_.phases()[phase_].SerializeAsString() != before) {
    // Another one in its place, before any of it has been counted.
    StartPool(start_step());
  } else {
    // What belongs to a new phase now; nothing of it has been counted.
    const uint64_t end = end_step() * micro_batches_;
    pool_.Trim(end);
    frontier_ = std::min(frontier_, end);
  }
}

void MicroBatchLeases::StartPool(uint64_t step) {
  pool_.Clear();
  done_ = PushLedger(step * micro_batches_);
  frontier_ = step * micro_batches_;
}

void MicroBatchLeases::EnterPhase(size_t phase, uint64_t step) {
  if (!entered_) validation_.SkipTo(step);
  phase_ = phase;
  entered_ = true;
  begun_ = true;
  latest_clock_ = 0;
  for (auto& [node, worker] : workers_) {
    worker.next_clock = 0;
    worker.told_clock = 0;
    worker.behind = true;
  }
  ForgetRuns();
  const uint64_t start = std::max(step, start_step());
  StartPool(start);
  if (!on_arrival()) BeginStep(start);
}

void MicroBatchLeases::BeginStep(uint64_t step) {
  step_ = step;
  remade_ = false;
  pool_.Clear();
  done_in_step_.clear();
  ForgetRuns();
  if (step < end_step()) pool_.Add({step * micro_batches_, micro_batches_});
}

void MicroBatchLeases::ForgetRuns() {
  for (auto& [node, worker] : workers_) {
    if (worker.lease.has_value() && worker.lease->work == Work::kRun) {
      worker.lease->moot = true;
    }
  }
}

bool MicroBatchLeases::AddEpoch() {
  const uint64_t end = end_step() * micro_batches_;
  if (!on_arrival() || frontier_ >= end) return false;
  const uint64_t epoch = schedule_.EpochOf(frontier_ / micro_batches_);
  const uint64_t next =
      std::min(end, schedule_.StepsAtEndOf(epoch + 1) * micro_batches_);
  pool_.Add({frontier_, next - frontier_});
  frontier_ = next;
  return true;
}

// --- What workers say -------------------------------------------------------

absl::Status MicroBatchLeases::Request(uint64_t node,
                                       const LeaseRequest& request,
                                       absl::Time now, Grants* grants) {
  const auto found = workers_.find(node);
  if (found == workers_.end()) {
    return absl::NotFoundError(
        absl::StrCat("node ", node, " is no worker of this job"));
  }
  if (request.step() > schedule_.total_steps()) {
    return absl::InvalidArgumentError(
        absl::StrCat("step ", request.step(), " of a job of ",
                     schedule_.total_steps(), " steps"));
  }
  Worker& worker = found->second;
  if (request.attempt() < worker.attempt) {
    return absl::AlreadyExistsError("the worker has begun again since");
  }
  if (request.first()) {
    worker.attempt = request.attempt();
    if (LeaseAgain(node, request.step(), now, grants)) return absl::OkStatus();
    const size_t phase = schedule_.PhaseIndexOf(request.step());
    if (begun_ && phase < phase_) {
      TellPhaseOver(node, start_step(), grants);
      return absl::OkStatus();
    }
    Settle(&worker, std::nullopt);
    const bool is_remade = entered_ && !begun_;
    if (!entered_ || phase != phase_) {
      // Back, too, when a worker was lost: where a block lacks the last step of
      // a phase, no block has counted anything of the next.
      EnterPhase(phase, request.step());
    } else if (!on_arrival() && (!begun_ || request.step() > step_)) {
      BeginStep(std::max(request.step(), start_step()));
    }
    begun_ = true;
    if (is_remade) remade_ = true;
    worker.behind = false;
  } else if (worker.lease.has_value()) {
    // A repeat: the answer is the lease that the worker has.
    if (worker.lease->number != request.lease()) {
      return absl::AlreadyExistsError("the worker has another lease");
    }
    Settle(&worker, request.done());
  }
  if (!on_arrival() && begun_ && request.complete_steps() > step_) {
    BeginStep(std::min(request.complete_steps(), end_step()));
  }
  speeds_.Set(node, request.seconds_per_micro_batch());
  worker.waiting = true;
  Grants served = Serve(now);
  grants->insert(grants->end(), served.begin(), served.end());
  return absl::OkStatus();
}

// Once per step, a worker that has forgotten what it did does it again: it may
// have pushed it to block 0, where the step is over, and not to others. If it
// is lost, the whole step is made again.
bool MicroBatchLeases::LeaseAgain(uint64_t node, uint64_t step, absl::Time now,
                                  Grants* grants) {
  const std::optional<Outstanding> before = workers_.at(node).lease;
  if (!before.has_value() || before->work != Work::kRun) return false;
  const uint64_t of_step = before->run.position / micro_batches_;
  const size_t phase = schedule_.PhaseIndexOf(of_step);
  if (of_step < step || phase != schedule_.PhaseIndexOf(step) ||
      schedule_.phases()[phase].synchronisation().mode() != SYNCHRONOUS) {
    return false;
  }
  RunLease* lease =
      NewLease(node, Work::kRun, before->run, now, grants)->mutable_run();
  lease->set_position(before->run.position);
  lease->set_run(static_cast<uint32_t>(before->run.count));
  lease->set_backup(before->backup);
  Outstanding& again = *workers_.at(node).lease;
  again.backed_up = before->backed_up;
  again.backup = before->backup;
  again.moot = before->moot;
  return true;
}

std::optional<uint64_t> MicroBatchLeases::UnfinishedStep() const {
  if (!entered_ || !on_arrival() ||
      (TrainingIsOver() && !validation_.active())) {
    return std::nullopt;
  }
  return std::min(done_.floor() / micro_batches_, end_step() - 1);
}

void MicroBatchLeases::Settle(Worker* worker,
                              std::optional<uint64_t> reported) {
  worker->waiting = false;
  if (!reported.has_value()) worker->told_clock = 0;
  if (!worker->lease.has_value()) return;
  const Outstanding lease = *worker->lease;
  worker->lease.reset();
  const uint64_t done = std::min(reported.value_or(0), lease.run.count);
  if (done != 0) worker->told_clock = worker->next_clock;
  const Run rest = {lease.run.position + done, lease.run.count - done};
  switch (lease.work) {
    case Work::kHash:
      hash_leased_ = false;
      if (done != 0) hashed_ = true;
      return;
    case Work::kValidation:
      if (done != 0) validation_.Done({lease.run.position, done});
      if (rest.count != 0) validation_.GiveBack(rest);
      return;
    case Work::kRun:
      if (lease.moot) return;
      if (done != 0) NoteDone({lease.run.position, done});
      if (rest.count == 0) return;
      if (lease.backup) {
        AllowBackup(rest.position);  // whose it is has it still
        return;
      }
      GiveBack(rest, !reported.has_value());
      worker->search_from = std::min(worker->search_from, rest.position);
  }
}

void MicroBatchLeases::GiveBack(Run rest, bool lost) {
  // With a window a worker pushes what it has computed until then: nobody knows
  // where a lost one has cut its run, of which some blocks have counted a part.
  const bool cut_anywhere =
      lost && on_arrival() && synchronisation().staleness_seconds() > 0;
  const uint64_t size = cut_anywhere ? 1 : rest.count;
  for (uint64_t p = rest.position; p < rest.end(); p += size) {
    pool_.Add({p, size});
  }
}

void MicroBatchLeases::AllowBackup(uint64_t position) {
  for (auto& [node, worker] : workers_) {
    if (!worker.lease.has_value() || worker.lease->moot) continue;
    Outstanding& lease = *worker.lease;
    if (position < lease.run.position || position >= lease.run.end()) continue;
    lease.backed_up = std::min(lease.backed_up, lease.run.end() - 1 - position);
  }
}

void MicroBatchLeases::NoteDone(Run run) {
  if (on_arrival()) {
    done_.Arrive(run.position, run.count);
    return;
  }
  for (uint64_t p = run.position; p < run.end(); ++p) done_in_step_.insert(p);
  if (done_in_step_.size() == micro_batches_ && block_version_ > step_) {
    BeginStep(step_ + 1);
  }
}

MicroBatchLeases::Grants MicroBatchLeases::StepCompleted(uint64_t version,
                                                         absl::Time now) {
  block_version_ = std::max(block_version_, version);
  if (on_arrival() || !begun_ || version <= step_ || version > end_step()) {
    return {};
  }
  if (remade_ && done_in_step_.size() < micro_batches_) return {};
  BeginStep(version);
  return Serve(now);
}

MicroBatchLeases::Grants MicroBatchLeases::Tick(absl::Time now) {
  return Serve(now);
}

// --- What workers are told --------------------------------------------------

MicroBatchLeases::Grants MicroBatchLeases::Serve(absl::Time now) {
  Grants grants;
  if (!begun_) return grants;
  BeginValidation();
  for (const uint64_t node : InOrder()) ServeOne(node, now, &grants);
  AdvanceClocks(&grants);
  return grants;
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
  std::vector<uint64_t> nodes;
  for (const auto& [node, worker] : workers_) {
    if (worker.waiting) nodes.push_back(node);
  }
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
      std::stable_sort(nodes.begin(), nodes.end(), [&](uint64_t a, uint64_t b) {
        return speeds_.Of(a) > speeds_.Of(b);
      });
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
  worker.waiting = false;
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
  // An epoch's work is there when the worker has had its part of the last.
  while (!run.has_value() && AddEpoch()) run = TakeRun(node, now);
  if (!run.has_value()) return false;
  worker.load_seconds +=
      static_cast<double>(run->count) * speeds_.SecondsOf(node);
  worker.last_step = step_;
  RunLease* lease =
      NewLease(node, Work::kRun, *run, now, grants)->mutable_run();
  lease->set_position(run->position);
  lease->set_run(static_cast<uint32_t>(run->count));
  if (on_arrival()) {
    lease->set_clock(worker.next_clock);
    latest_clock_ = std::max(latest_clock_, worker.next_clock);
    ++worker.next_clock;
  }
  return true;
}

std::optional<Run> MicroBatchLeases::TakeRun(uint64_t node, absl::Time now) {
  Worker& worker = workers_.at(node);
  if (scheduling_.policy() != STATIC) {
    if (pool_.size() == 0 || IsTooSlowFor(node, now)) return std::nullopt;
    return pool_.Take(SizeFor(node));
  }
  const auto run = pool_.TakeOf(worker.first, worker.last, worker.search_from);
  if (run.has_value()) worker.search_from = run->position;
  return run;
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
  double slowest = 0;
  double fastest = 0;
  for (const auto& [node, worker] : workers_) {
    const double each = speeds_.SecondsOf(node);
    slowest = std::max(slowest, each);
    fastest = fastest == 0 ? each : std::min(fastest, each);
  }
  return std::max(seconds, std::min(slowest, all * fastest));
}

// Once per step, a worker leaves what is left to the others if they will have
// done all of it before it has computed a single micro-batch. Of workers that
// wait, the fastest never leaves it to those that wait, too.
bool MicroBatchLeases::IsTooSlowFor(uint64_t node, absl::Time now) const {
  if (on_arrival() || scheduling_.leases() != ADAPTIVE) return false;
  if (step_ - workers_.at(node).last_step >= kTryAgainAfter) return false;
  const double seconds = speeds_.SecondsOf(node);
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
  }
  return by_others >= static_cast<double>(pool_.size());
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
  workers_.at(node).waiting = false;
  return true;
}

void MicroBatchLeases::AdvanceClocks(Grants* grants) {
  const std::optional<uint64_t> bound = staleness();
  if (!bound.has_value() || latest_clock_ <= *bound) return;
  if (TrainingIsOver()) return;  // nobody reads any more
  const uint64_t needed = latest_clock_ - *bound;
  for (auto& [node, worker] : workers_) {
    if (!worker.waiting || worker.told_clock >= needed) continue;
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
  for (const auto& [node, worker] : workers_) {
    if (worker.waiting) fastest = std::max(fastest, speeds_.Of(node));
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
