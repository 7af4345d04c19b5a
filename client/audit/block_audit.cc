#include "client/audit/block_audit.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

std::string Worker(uint64_t node) { return absl::StrCat("worker ", node); }

// Whether the phase promises something about clocks.
bool IsBounded(const AuditPhase& phase) {
  return phase.mode == AuditMode::kBoundedStaleness &&
         phase.staleness.has_value();
}

}  // namespace

BlockAudit::BlockAudit(uint64_t micro_batches, const ArriveRecord& arrive)
    : BlockAudit(micro_batches, /*first_step=*/0) {
  steps_.StartAt(arrive.steps);
  for (const auto& [first, last] : arrive.counted) {
    for (uint64_t at = first; at < last;) {
      const uint64_t step = at / micro_batches;
      const uint64_t end = std::min(last, (step + 1) * micro_batches);
      steps_.Count(step, at - step * micro_batches, end - step * micro_batches,
                   StepLedger::Overlap::kForbidden);
      at = end;
    }
  }
}

BlockStay::Counted BlockAudit::Counted(const AuditPhases& phases) const {
  BlockStay::Counted counted;
  counted.steps = steps_.complete_steps();
  for (const uint64_t step : steps_.OpenSteps()) {
    const auto phase = phases.At(step);
    if (phase.ok() && phase->mode == AuditMode::kSynchronous) continue;
    for (const auto& [first, last] : steps_.Open(step)) {
      counted.Add(step * micro_batches_ + first, step * micro_batches_ + last);
    }
  }
  const auto last = phases.At(counted.steps == 0 ? 0 : counted.steps - 1);
  counted.last_is_synchronous =
      last.ok() && last->mode == AuditMode::kSynchronous;
  return counted;
}

absl::Status BlockAudit::CheckKnown(uint64_t node) const {
  if (clocks_.contains(node) || left_.contains(node)) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      "no J record says that ", Worker(node), " takes part in the block"));
}

void BlockAudit::Join(const JoinRecord& join) {
  clocks_[join.node] = join.clock;
  left_.erase(join.node);
}

absl::Status BlockAudit::Leave(const LeaveRecord& leave) {
  RETURN_IF_ERROR(CheckKnown(leave.node));
  clocks_.erase(leave.node);
  left_.insert(leave.node);
  return absl::OkStatus();
}

absl::Status BlockAudit::Tick(const TickRecord& tick) {
  RETURN_IF_ERROR(CheckKnown(tick.node));
  const auto found = clocks_.find(tick.node);
  if (found != clocks_.end()) {
    found->second = std::max(found->second, tick.clock);
  }
  return absl::OkStatus();
}

void BlockAudit::Advance(uint64_t node, uint64_t clock, const AuditPhase& phase,
                         Complain complain) {
  const auto found = clocks_.find(node);
  if (found == clocks_.end()) return;
  uint64_t& own = found->second;
  if (IsBounded(phase) && clock > own) {
    complain(AuditRule::kStaleness,
             absl::StrCat("push ", clock, " of ", Worker(node),
                          " came while its clock was ", own,
                          ": what it pushed in between is missing"));
  }
  own = std::max(own, clock + 1);
}

void BlockAudit::CheckRange(const PushRecord& push, const AuditPhase& phase,
                            Complain complain) {
  const auto range = [&push] {
    return absl::StrCat("micro-batches [", push.first, ", ", push.last,
                        ") of step ", push.step);
  };
  if (push.first >= push.last || push.last > micro_batches_) {
    complain(
        AuditRule::kExactlyOnce,
        absl::StrCat(Worker(push.node), " pushed ", range(),
                     ", which are none of the ", micro_batches_, " of a step"));
    return;
  }
  const uint64_t before = steps_.complete_steps();
  const bool complete = push.step < before;
  const auto overlap = phase.mode == AuditMode::kSynchronous
                           ? StepLedger::Overlap::kReplaces
                           : StepLedger::Overlap::kForbidden;
  if (!steps_.Count(push.step, push.first, push.last, overlap)) {
    complain(AuditRule::kExactlyOnce,
             absl::StrCat(Worker(push.node), "'s push counts ", range(),
                          complete ? ", which was complete already"
                                   : ", some of which were counted already"));
  }
  const uint64_t now = steps_.complete_steps();
  for (uint64_t step = before + 1; step <= now; ++step) {
    ahead_.push_back(step < now || !steps_.OpenSteps().empty());
  }
}

absl::Status BlockAudit::Push(const PushRecord& push, const AuditPhases& phases,
                              Complain complain) {
  RETURN_IF_ERROR(CheckKnown(push.node));
  ASSIGN_OR_RETURN(const AuditPhase phase, phases.At(push.step));
  ASSIGN_OR_RETURN(const AuditPhase now, phases.At(steps_.complete_steps()));
  if (!clocks_.contains(push.node)) {
    complain(AuditRule::kMembers,
             absl::StrCat("a push of ", Worker(push.node),
                          " was counted after it had left"));
  }
  const bool synchronous = phase.mode == AuditMode::kSynchronous ||
                           now.mode == AuditMode::kSynchronous;
  if (synchronous && push.step > steps_.complete_steps()) {
    complain(AuditRule::kSynchronous,
             absl::StrCat("a push of step ", push.step, " was counted when ",
                          steps_.complete_steps(), " steps were complete"));
  }
  CheckRange(push, phase, complain);
  Advance(push.node, push.clock, phase, complain);
  return absl::OkStatus();
}

absl::Status BlockAudit::Repeat(const RepeatRecord& repeat,
                                const AuditPhases& phases, Complain complain) {
  RETURN_IF_ERROR(CheckKnown(repeat.node));
  ASSIGN_OR_RETURN(const AuditPhase phase, phases.At(steps_.complete_steps()));
  Advance(repeat.node, repeat.clock, phase, complain);
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> BlockAudit::Read(const ReadRecord& read,
                                          const AuditPhases& phases,
                                          Complain complain) {
  RETURN_IF_ERROR(CheckKnown(read.node));
  const uint64_t counted = steps_.complete_steps();
  ASSIGN_OR_RETURN(const AuditPhase phase,
                   phases.At(std::min(read.step, counted)));
  // A synchronous step may be counted whole, and its update wait for the norms
  // of other blocks.
  const bool waits =
      phase.mode == AuditMode::kSynchronous && read.step + 1 == counted;
  if (read.step != counted && !waits) {
    complain(AuditRule::kCompleteSteps,
             absl::StrCat("the read says that ", read.step,
                          " steps were complete, when ",
                          steps_.complete_steps(), " were"));
  }
  if (!clocks_.contains(read.node)) {
    complain(AuditRule::kMembers,
             absl::StrCat("a read of ", Worker(read.node),
                          " was served after it had left"));
  }
  if (read.clocks.has_value()) {
    CheckClocks(read, complain);
  } else if (phase.mode != AuditMode::kSynchronous) {
    complain(AuditRule::kClocks,
             "the read does not say at which clocks it was served");
  }
  return phase.mode == AuditMode::kSynchronous
             ? ReadSynchronous(read, complain)
             : ReadWithSlack(read, phase, complain);
}

uint64_t BlockAudit::ReadSynchronous(const ReadRecord& read,
                                     Complain complain) const {
  const uint64_t complete = std::min(read.step, steps_.complete_steps());
  if (read.clock != complete && read.clock + 1 != complete) {
    complain(
        AuditRule::kSynchronous,
        absl::StrCat("a read of ", Worker(read.node), " at clock ", read.clock,
                     " was served when ", complete, " steps were complete"));
  }
  return complete - std::min(read.clock, complete);
}

uint64_t BlockAudit::ReadWithSlack(const ReadRecord& read,
                                   const AuditPhase& phase,
                                   Complain complain) const {
  uint64_t slowest = read.node, slowest_clock = read.clock;
  for (const auto& [node, clock] : clocks_) {
    if (node != read.node && clock < slowest_clock) {
      slowest = node;
      slowest_clock = clock;
    }
  }
  const uint64_t staleness = read.clock - slowest_clock;
  if (!IsBounded(phase)) return staleness;
  if (staleness > *phase.staleness) {
    complain(
        AuditRule::kStaleness,
        absl::StrCat("a read of ", Worker(read.node), " at clock ", read.clock,
                     " was served when ", Worker(slowest), " was at clock ",
                     slowest_clock, "; the bound is ", *phase.staleness));
  }
  const auto own = clocks_.find(read.node);
  if (own != clocks_.end() && own->second < read.clock) {
    complain(AuditRule::kStaleness,
             absl::StrCat("a read of ", Worker(read.node), " at clock ",
                          read.clock, " was served when its own pushes had ",
                          "come to clock ", own->second));
  }
  return staleness;
}

void BlockAudit::CheckClocks(const ReadRecord& read, Complain complain) const {
  size_t named = 0;
  for (const auto& [node, clock] : *read.clocks) {
    const auto found = clocks_.find(node);
    if (found == clocks_.end()) {
      complain(AuditRule::kClocks, absl::StrCat("the read names ", Worker(node),
                                                ", which does not take part"));
      return;
    }
    if (found->second != clock) {
      complain(
          AuditRule::kClocks,
          absl::StrCat("the read says that ", Worker(node), " was at clock ",
                       clock, ", when it was at ", found->second));
      return;
    }
    ++named;
  }
  if (named == clocks_.size()) return;
  for (const auto& [node, clock] : clocks_) {
    const auto found =
        std::lower_bound(read.clocks->begin(), read.clocks->end(),
                         std::make_pair(node, uint64_t{0}));
    if (found != read.clocks->end() && found->first == node) continue;
    complain(AuditRule::kClocks,
             absl::StrCat("the read leaves out ", Worker(node), ", at clock ",
                          clock));
    return;
  }
}

}  // namespace hawser
