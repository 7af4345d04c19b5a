#include "server/state/lease_audit_test_support.h"

#include <algorithm>

#include "common/job/checkpoint_steps.h"
#include "gtest/gtest.h"
#include "server/state/model_job_test_support.h"

namespace hawser {
namespace {

// As micro_batch_leases.cc has it.
constexpr double kOverdue = 1.25;

bool Overlap(Run a, Run b) {
  return a.position < b.end() && b.position < a.end();
}

bool HasBound(const Phase& phase) {
  return phase.synchronisation().mode() == BOUNDED_STALENESS &&
         phase.synchronisation().staleness_seconds() == 0;
}

}  // namespace

LeaseAudit::LeaseAudit(const Plan& plan, uint32_t validation_chunks)
    : plan_(plan),
      schedule_(plan),
      micro_batches_(plan.spec().schedule().micro_batches()),
      chunks_(validation_chunks) {}

void LeaseAudit::Adopt(const Plan& plan) {
  const Phase& last = *plan.phases().rbegin();
  const bool has_changed =
      plan.phases_size() != plan_.phases_size() ||
      last.SerializeAsString() != plan_.phases().rbegin()->SerializeAsString();
  plan_ = plan;
  schedule_ = StepSchedule(plan);
  // Of a phase that is added, or that some block has not reached, no block has
  // counted anything.
  uint64_t untouched = schedule_.EndOfPhase(schedule_.PhaseIndexOf(least_));
  if (has_changed) untouched = std::min(untouched, last.from_step());
  leased_.erase(leased_.lower_bound(untouched * micro_batches_), leased_.end());
  waiting_.clear();
  named_.clear();
  forgotten_.clear();
  leases_.clear();
  speeds_.clear();
  clocks_.clear();
  // The scheduler may have restarted, and forgets what there is of a pass.
  hash_is_done_ = false;
  for (auto pass = validated_.begin(); pass != validated_.end();) {
    pass = pass->second.size() < chunks_ ? validated_.erase(pass) : ++pass;
  }
  if (!OnArrival(schedule_.PhaseOf(least_))) {
    // The step in progress is made anew.
    done_.erase(done_.lower_bound(least_ * micro_batches_), done_.end());
  }
}

void LeaseAudit::SetVersions(uint64_t block_zero, uint64_t least) {
  block_zero_ = block_zero;
  least_ = least;
}

void LeaseAudit::Requested(uint64_t node, const LeaseRequest& request) {
  const auto lease = leases_.find(node);
  if (request.first()) {
    named_[node] = request.step();
    last_named_ = request.step();
    forgotten_.erase(node);
    if (lease != leases_.end()) {
      forgotten_[node] = lease->second.run();
      leases_.erase(lease);
    }
  } else if (lease != leases_.end()) {
    if (lease->second.lease.number() != request.lease()) return;  // a repeat
    if (lease->second.lease.has_run()) {
      const uint64_t first = lease->second.run().position;
      for (uint64_t i = 0; i < request.done(); ++i) done_.insert(first + i);
    }
    if (lease->second.lease.has_hash()) hash_is_done_ = true;
    leases_.erase(lease);
  }
  if (request.seconds_per_micro_batch() > 0) {
    speeds_[node] = 1 / request.seconds_per_micro_batch();
  }
  waiting_.insert(node);
}

void LeaseAudit::Granted(uint64_t node, const Lease& lease, absl::Time now) {
  EXPECT_EQ(waiting_.count(node), 1u) << "worker " << node << " has not asked";
  if (lease.has_advance_clock_to()) {
    EXPECT_TRUE(HasBound(PhaseOf(node)));
    return;
  }
  waiting_.erase(node);
  if (lease.has_phase_over_at()) {
    CheckPhaseOver(node, lease.phase_over_at());
    return;
  }
  EXPECT_GT(lease.number(), last_number_);
  last_number_ = lease.number();
  EXPECT_EQ(leases_.count(node), 0u) << "worker " << node << " has a lease";
  if (lease.has_run()) CheckRun(node, lease.run(), now);
  if (lease.has_validation()) CheckValidation(node, lease.validation());
  if (lease.has_hash()) CheckHash(lease.hash());
  leases_[node] = {lease, now, {}};
}

void LeaseAudit::CheckRun(uint64_t node, const RunLease& lease,
                          absl::Time now) {
  const Run run = {lease.position(), lease.run()};
  ASSERT_GT(run.count, 0u);
  const size_t phase = PhaseIndexOf(node);
  EXPECT_GE(run.position,
            schedule_.phases()[phase].from_step() * micro_batches_)
      << "worker " << node << " has not ended the phase before";
  EXPECT_LE(run.end(), schedule_.EndOfPhase(phase) * micro_batches_)
      << "worker " << node << " has not begun the phase";
  if (plan_.spec().scheduling().policy() == STATIC) {
    for (const MicroBatchRange& range : plan_.workers()) {
      if (range.node() != node) continue;
      EXPECT_GE(run.position % micro_batches_, range.first());
      EXPECT_LE(run.position % micro_batches_ + run.count, range.last());
    }
  }
  if (OnArrival(PhaseOf(node))) {
    CheckOnArrival(node, lease);
  } else {
    CheckOncePerStep(node, lease, now);
  }
}

void LeaseAudit::CheckOncePerStep(uint64_t node, const RunLease& lease,
                                  absl::Time now) {
  const Run run = {lease.position(), lease.run()};
  const uint64_t step = run.position / micro_batches_;
  EXPECT_EQ((run.end() - 1) / micro_batches_, step);
  EXPECT_LE(step, block_zero_) << "the step has not begun";
  // A worker that begins may name a step that block 0 has and others lack.
  EXPECT_GE(step, std::min(told_, last_named_)) << "the step is over";
  CheckPassesAreOver(step);
  const auto forgotten = forgotten_.find(node);
  if (forgotten != forgotten_.end() && forgotten->second == run) return;
  if (lease.backup()) {
    CheckBackup(node, lease, now);
    return;
  }
  for (const auto& [other, outstanding] : leases_) {
    EXPECT_FALSE(outstanding.lease.has_run() &&
                 !outstanding.lease.run().backup() &&
                 Overlap(outstanding.run(), run))
        << "worker " << other << " has it";
  }
}

void LeaseAudit::CheckBackup(uint64_t node, const RunLease& lease,
                             absl::Time now) {
  ++backups_;
  EXPECT_EQ(plan_.spec().scheduling().policy(), DYNAMIC);
  EXPECT_FALSE(plan_.spec().scheduling().no_backups());
  EXPECT_EQ(lease.run(), 1u);
  double slowest = 0;
  std::set<uint64_t> taken;
  for (const auto& [other, outstanding] : leases_) {
    if (!outstanding.lease.has_run()) continue;
    const Run run = outstanding.run();
    for (uint64_t p = run.position; p < run.end(); ++p) taken.insert(p);
    if (run.position <= lease.position() && lease.position() < run.end()) {
      slowest = std::max(slowest, ExpectedSecondsLeft(other, now));
    }
  }
  EXPECT_GT(slowest, SecondsOf(node)) << "whose it is has it done before";
  const uint64_t first = lease.position() / micro_batches_ * micro_batches_;
  for (uint64_t p = first; p < first + micro_batches_; ++p) {
    EXPECT_TRUE(taken.count(p) != 0 || done_.count(p) != 0)
        << p << " waits to be leased";
  }
}

double LeaseAudit::SecondsOf(uint64_t node) const {
  const auto speed = speeds_.find(node);
  if (speed != speeds_.end()) return 1 / speed->second;
  double sum = 0;
  for (const auto& [each, known] : speeds_) sum += known;
  return speeds_.empty() ? 1 : static_cast<double>(speeds_.size()) / sum;
}

double LeaseAudit::ExpectedSecondsLeft(uint64_t node, absl::Time now) const {
  const Outstanding& lease = leases_.at(node);
  const double expected =
      static_cast<double>(lease.run().count) * SecondsOf(node);
  const double elapsed = absl::ToDoubleSeconds(now - lease.since);
  return elapsed > kOverdue * expected ? elapsed : expected - elapsed;
}

void LeaseAudit::CheckOnArrival(uint64_t node, const RunLease& lease) {
  const Run run = {lease.position(), lease.run()};
  EXPECT_FALSE(lease.backup());
  EXPECT_EQ(schedule_.EpochOf(run.position / micro_batches_),
            schedule_.EpochOf((run.end() - 1) / micro_batches_));
  for (const auto& [other, outstanding] : leases_) {
    EXPECT_FALSE(outstanding.lease.has_run() && Overlap(outstanding.run(), run))
        << "worker " << other << " has it";
  }
  for (uint64_t p = run.position; p < run.end(); ++p) {
    EXPECT_EQ(done_.count(p), 0u) << p << " is done";
  }
  CheckWithinOneLeaseBefore(run);
  CheckCuts(run);
  Clocks& clocks = clocks_[PhaseIndexOf(node)];
  EXPECT_GE(lease.clock(), clocks.least) << "reads count on its pushes";
  const auto last = clocks.last.find(node);
  EXPECT_TRUE(last == clocks.last.end() || lease.clock() > last->second);
  clocks.last[node] = lease.clock();
}

// A block has counted a lease as a whole, or not. Of what a lease is cut into,
// it still has counted all or nothing.
void LeaseAudit::CheckWithinOneLeaseBefore(Run run) {
  const auto before = leased_.find(run.position);
  for (uint64_t p = run.position; p < run.end(); ++p) {
    const auto known = leased_.find(p);
    EXPECT_EQ(known == leased_.end(), before == leased_.end());
    if (known == leased_.end() || before == leased_.end()) continue;
    EXPECT_EQ(known->second, before->second) << "of two leases before";
  }
  for (uint64_t p = run.position; p < run.end(); ++p) leased_[p] = run;
}

bool LeaseAudit::IsCheckpointOf(uint64_t step) const {
  return ordered_.count(step) != 0 ||
         IsCheckpointDue(plan_.spec().checkpoint(), step, schedule_);
}

void LeaseAudit::CheckCuts(Run run) const {
  // A block lets nobody into a phase before it has made all steps of the one
  // before.
  const size_t phase = schedule_.PhaseIndexOf(run.position / micro_batches_);
  uint64_t step = schedule_.phases()[phase].from_step() + 1;
  for (; step * micro_batches_ < run.end(); ++step) {
    if (!IsCheckpointOf(step)) continue;
    EXPECT_LE(step * micro_batches_, run.position)
        << "it crosses the checkpoint of step " << step;
    EXPECT_GE(least_, step) << "a block is not at the checkpoint yet";
  }
}

// The promise that the cuts are for: a checkpoint holds all of the steps before
// it, and nothing else.
void LeaseAudit::Reached(uint64_t before, uint64_t version,
                         uint64_t counted) const {
  for (uint64_t step = before + 1; step <= version; ++step) {
    if (!IsCheckpointOf(step)) continue;
    EXPECT_EQ(counted, step * micro_batches_)
        << "in the checkpoint of step " << step;
  }
}

void LeaseAudit::CheckValidation(uint64_t node, const ValidationLease& lease) {
  EXPECT_TRUE(schedule_.EndsEpoch(lease.step()));
  EXPECT_EQ(lease.total_chunks(), chunks_);
  EXPECT_LT(lease.first_chunk(), lease.last_chunk());
  EXPECT_LE(lease.last_chunk(), chunks_);
  const Run chunks = {lease.first_chunk(),
                      lease.last_chunk() - lease.first_chunk()};
  for (const auto& [other, outstanding] : leases_) {
    if (!outstanding.lease.has_validation()) continue;
    const ValidationLease& held = outstanding.lease.validation();
    EXPECT_EQ(held.step(), lease.step()) << "two passes at a time";
    EXPECT_FALSE(Overlap(
        {held.first_chunk(), held.last_chunk() - held.first_chunk()}, chunks))
        << "worker " << other << " has it";
  }
  if (OnArrival(PhaseOf(node))) {
    EXPECT_LE(lease.step(), std::max(least_, PhaseOf(node).from_step()));
    return;
  }
  if (lease.step() < PhaseOf(node).from_step()) return;  // late
  EXPECT_LE(lease.step(), std::max(block_zero_, named_.at(node)));
  EXPECT_GE(lease.step(), least_) << "the version is past";
}

void LeaseAudit::CheckHash(const HashLease& lease) {
  EXPECT_EQ(lease.step(), schedule_.total_steps());
  EXPECT_EQ(block_zero_, schedule_.total_steps());
  EXPECT_FALSE(hash_is_done_);
  for (const auto& [other, outstanding] : leases_) {
    EXPECT_FALSE(outstanding.lease.has_hash()) << "worker " << other;
  }
  CheckPassesAreOver(schedule_.total_steps());
}

void LeaseAudit::CheckPhaseOver(uint64_t node, uint64_t step) {
  EXPECT_LE(step, OnArrival(PhaseOf(node)) ? least_ : block_zero_);
  // It is in a phase that the others have ended, or it may go home.
  EXPECT_TRUE(schedule_.PhaseIndexOf(step) != PhaseIndexOf(node) ||
              (step == schedule_.total_steps() && hash_is_done_));
}

void LeaseAudit::CheckPassesAreOver(uint64_t steps) const {
  if (chunks_ == 0) return;
  for (uint64_t epoch = 1; epoch <= schedule_.EpochsOver(steps); ++epoch) {
    const auto pass = validated_.find(schedule_.StepsAtEndOf(epoch));
    EXPECT_TRUE(pass != validated_.end() && pass->second.size() == chunks_)
        << "after epoch " << epoch;
  }
}

void LeaseAudit::ReadServed(uint64_t node, size_t block, uint64_t clock) {
  const size_t phase = PhaseIndexOf(node);
  if (!HasBound(schedule_.phases()[phase])) return;
  const uint64_t staleness =
      schedule_.phases()[phase].synchronisation().staleness();
  if (clock <= staleness) return;
  const uint64_t needed = clock - staleness;
  clocks_[phase].least = std::max(clocks_[phase].least, needed);
  for (const auto& [other, outstanding] : leases_) {
    if (!outstanding.lease.has_run() || PhaseIndexOf(other) != phase ||
        outstanding.pushed.count(block) != 0) {
      continue;
    }
    EXPECT_GE(outstanding.lease.run().clock(), needed)
        << "worker " << node << " reads without a push of worker " << other;
  }
}

void LeaseAudit::Pushed(uint64_t node, size_t block) {
  const auto lease = leases_.find(node);
  if (lease != leases_.end()) lease->second.pushed.insert(block);
}

void LeaseAudit::Validated(uint64_t version, Run chunks) {
  std::set<uint64_t>& done = validated_[version];
  for (uint64_t c = chunks.position; c < chunks.end(); ++c) done.insert(c);
}

void LeaseAudit::CheckComplete() const {
  EXPECT_GE(hashes_, 1u);
  CheckPassesAreOver(schedule_.total_steps());
}

}  // namespace hawser
