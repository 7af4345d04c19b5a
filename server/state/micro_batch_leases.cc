// Phases and steps, and what workers say.
#include "server/state/micro_batch_leases.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/job/job_rules.h"
#include "glog/logging.h"

namespace hawser {

MicroBatchLeases::MicroBatchLeases(const Plan& plan, uint32_t validation_chunks)
    : micro_batches_(plan.spec().schedule().micro_batches()),
      scheduling_(plan.spec().scheduling()),
      schedule_(plan),
      pool_(micro_batches_),
      cuts_(plan.spec().checkpoint(), micro_batches_),
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
  return StalenessInClocks(synchronisation());
}

void MicroBatchLeases::SetWorkers(const Plan& plan) {
  workers_.clear();
  waiting_.clear();
  for (const MicroBatchRange& range : plan.workers()) {
    Worker& worker = workers_[range.node()];
    worker.first = range.first();
    worker.last = range.last();
  }
  speeds_.Reset(std::max<uint64_t>(1, workers_.size()));
  latest_clock_ = 0;
}

void MicroBatchLeases::SetWaiting(uint64_t node, bool waiting) {
  workers_.at(node).waiting = waiting;
  if (waiting) {
    waiting_.insert(node);
  } else {
    waiting_.erase(node);
  }
}

void MicroBatchLeases::Adopt(const Plan& plan) {
  for (auto& [node, worker] : workers_) Settle(&worker, std::nullopt);
  const StepSchedule before = schedule_;
  schedule_ = StepSchedule(plan);
  CHECK_LT(phase_, schedule_.phases().size()) << "a phase was taken back";
  SetWorkers(plan);
  cuts_.LookAgain();
  validation_.StartOver();
  hashed_ = false;  // whom it was told may have forgotten it
  begun_ = false;
  if (!on_arrival()) {
    pool_.Clear();
  } else if (!schedule_.SamePhase(before, phase_)) {
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
  cuts_.GoOnFrom(frontier_);
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
  SetWaiting(node, true);
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

bool MicroBatchLeases::OrderCheckpoint(uint64_t step) {
  // Once per step nothing is cut: steps that are made are over.
  if (!on_arrival()) cuts_.GoOnFrom(block_version_ * micro_batches_);
  return cuts_.Order(step);
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
    cuts_.Counted(done_.floor());
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

}  // namespace hawser
