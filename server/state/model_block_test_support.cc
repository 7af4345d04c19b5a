#include "server/state/model_block_test_support.h"

#include <algorithm>
#include <optional>

#include "gtest/gtest.h"
#include "server/state/model_job_test_support.h"

namespace hawser {

ModelBlock::ModelBlock(const Plan& plan)
    : micro_batches_(plan.spec().schedule().micro_batches()), schedule_(plan) {
  for (const auto& worker : plan.workers()) workers_.push_back(worker.node());
  EnterPhase(0);
}

bool ModelBlock::on_arrival() const {
  return OnArrival(schedule_.phases()[phase_]);
}

void ModelBlock::EnterPhase(size_t phase) {
  phase_ = phase;
  ledger_ = PushLedger(version_ * micro_batches_);
  step_.clear();
  ResetClocks();
}

void ModelBlock::ResetClocks() {
  const SynchronisationSpec& spec =
      schedule_.phases()[phase_].synchronisation();
  const bool bounded =
      spec.mode() == BOUNDED_STALENESS && spec.staleness_seconds() == 0;
  gate_.Reset(workers_, bounded ? std::optional<uint64_t>(spec.staleness())
                                : std::nullopt);
}

uint64_t ModelBlock::Adopt(const Plan& plan) {
  const uint64_t untouched =
      on_arrival() ? (ledger_.ceiling() + micro_batches_ - 1) / micro_batches_
                   : version_ + 1;
  schedule_ = StepSchedule(plan);
  workers_.clear();
  for (const auto& worker : plan.workers()) workers_.push_back(worker.node());
  pulls_.clear();
  early_.clear();
  released_.clear();
  ResetClocks();
  if (version_ < schedule_.total_steps() &&
      schedule_.PhaseIndexOf(version_) != phase_) {
    EnterPhase(schedule_.PhaseIndexOf(version_));
  }
  return untouched;
}

ModelBlock::Answer ModelBlock::Pull(uint64_t version, uint64_t token) {
  if (version + 1 < version_) return Answer::kPast;
  if (version <= version_) return Answer::kServed;
  pulls_.emplace(version, token);
  return Answer::kWaits;
}

ModelBlock::Answer ModelBlock::Read(uint64_t node, size_t phase, uint64_t clock,
                                    uint64_t token) {
  if (phase < phase_) return Answer::kServed;
  if (phase > phase_) {
    early_.push_back({node, phase, clock, token});
    return Answer::kWaits;
  }
  const auto verdict = gate_.Request(node, clock, token);
  EXPECT_NE(verdict, StalenessGate::Verdict::kUnknown);
  EXPECT_NE(verdict, StalenessGate::Verdict::kFull);
  return verdict == StalenessGate::Verdict::kServe ? Answer::kServed
                                                   : Answer::kWaits;
}

void ModelBlock::Tick(uint64_t node, size_t phase, uint64_t clock) {
  if (phase > phase_) {
    early_.push_back({node, phase, clock, kTick});
  } else if (phase == phase_) {
    EXPECT_TRUE(gate_.Advance(node, clock));
  }
}

std::vector<uint64_t> ModelBlock::Released() {
  std::vector<EarlyRead> early;
  early.swap(early_);
  for (const EarlyRead& read : early) {
    if (read.token == kTick) {
      Tick(read.node, read.phase, read.clock);
    } else if (Read(read.node, read.phase, read.clock, read.token) ==
               Answer::kServed) {
      released_.push_back(read.token);
    }
  }
  for (const uint64_t token : gate_.Released()) released_.push_back(token);
  const auto end = pulls_.upper_bound(version_);
  for (auto pull = pulls_.begin(); pull != end; ++pull) {
    released_.push_back(pull->second);
  }
  pulls_.erase(pulls_.begin(), end);
  std::vector<uint64_t> released;
  released.swap(released_);
  return released;
}

void ModelBlock::Count(Run run) {
  for (uint64_t p = run.position; p < run.end(); ++p) {
    EXPECT_TRUE(counted_.insert(p).second) << p << " is counted twice";
  }
}

void ModelBlock::PushToStep(Run run) {
  const uint64_t step = run.position / micro_batches_;
  EXPECT_LE(step, version_) << "a push to a step that has not begun";
  if (step != version_) return;  // a repeat
  for (uint64_t p = run.position; p < run.end(); ++p) step_.insert(p);
  if (step_.size() < micro_batches_) return;
  step_.clear();
  Count({step * micro_batches_, micro_batches_});
  ReachVersion(step + 1);
}

void ModelBlock::PushOnArrival(uint64_t node, Run run, uint64_t clock) {
  const auto verdict = ledger_.Arrive(run.position, run.count);
  EXPECT_NE(verdict, PushLedger::Verdict::kOverlap)
      << "of " << run.count << " from " << run.position;
  EXPECT_NE(verdict, PushLedger::Verdict::kFull);
  if (verdict == PushLedger::Verdict::kCount) Count(run);
  const uint64_t step = run.position / micro_batches_;
  if (schedule_.PhaseIndexOf(step) == phase_) gate_.Advance(node, clock + 1);
  const uint64_t complete = ledger_.floor() / micro_batches_;
  if (on_arrival() && complete > version_) ReachVersion(complete);
}

void ModelBlock::ReachVersion(uint64_t version) {
  version_ = version;
  if (version_ == schedule_.EndOfPhase(phase_) &&
      version_ < schedule_.total_steps()) {
    for (const uint64_t token : gate_.Dismiss()) released_.push_back(token);
    EnterPhase(phase_ + 1);
  }
}

}  // namespace hawser
