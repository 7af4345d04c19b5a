#include "client/audit/checker.h"

#include <algorithm>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace hawser {

absl::Status HistoryChecker::Take(const RecordPlace& place,
                                  const AuditRecord& record) {
  if (report_.servers.empty() &&
      !std::holds_alternative<HeaderRecord>(record)) {
    return absl::DataLossError("there is no H record before");
  }
  return std::visit([&](const auto& kind) { return Do(place, kind); }, record);
}

absl::Status HistoryChecker::Do(const RecordPlace&,
                                const HeaderRecord& header) {
  if (micro_batches_ != 0 && header.micro_batches != micro_batches_) {
    return absl::DataLossError(
        absl::StrCat("server ", header.server, " has ", header.micro_batches,
                     " micro-batches in a step, server ", server().server,
                     " has ", micro_batches_, ": they are of different runs"));
  }
  micro_batches_ = header.micro_batches;
  for (const auto& [block, audit] : blocks_) Leave(block);
  if (report_.servers.empty() || server().server != header.server) {
    report_.servers.push_back({.server = header.server});
  }
  phases_ = AuditPhases();
  blocks_.clear();
  rolled_back_ = RollBackRecord();
  return absl::OkStatus();
}

absl::Status HistoryChecker::Do(const RecordPlace&,
                                const RollBackRecord& roll_back) {
  if (!blocks_.empty()) {
    return absl::DataLossError("a V record comes before the blocks");
  }
  rolled_back_ = roll_back;
  roll_backs_.emplace(roll_back.incarnation, roll_back.step);
  return absl::OkStatus();
}

bool HistoryChecker::HasBeenHere(uint64_t block) const {
  const auto stays = stays_.find(block);
  return stays != stays_.end() &&
         stays->second.back().server == report_.servers.back().server;
}

absl::Status HistoryChecker::Do(const RecordPlace& place,
                                const BlockRecord& block) {
  if (!blocks_.try_emplace(block.block, micro_batches_, rolled_back_.step)
           .second) {
    return absl::OkStatus();
  }
  if (!HasBeenHere(block.block)) ++server().blocks;
  Come(place, block.block, rolled_back_.incarnation,
       {.steps = rolled_back_.step});
  return absl::OkStatus();
}

absl::Status HistoryChecker::Do(const RecordPlace& place,
                                const ArriveRecord& arrive) {
  BlockAudit audit(micro_batches_, arrive);
  const auto held = blocks_.find(arrive.block);
  if (held == blocks_.end()) {
    ++server().blocks;
    blocks_.try_emplace(arrive.block, std::move(audit));
  } else {
    // It comes back, or stays after all.
    Leave(arrive.block);
    held->second = std::move(audit);
  }
  BlockStay::Counted counted;
  counted.steps = arrive.steps;
  for (const auto& [first, last] : arrive.counted) counted.Add(first, last);
  Come(place, arrive.block, arrive.since, counted);
  stays_.at(arrive.block).back().takes_over = arrive.takes_over;
  return absl::OkStatus();
}

void HistoryChecker::Come(const RecordPlace& place, uint64_t block,
                          uint64_t since, const BlockStay::Counted& counted) {
  std::vector<BlockStay>& stays = stays_[block];
  const auto same =
      std::find_if(stays.begin(), stays.end(), [&](const BlockStay& stay) {
        return stay.since == since && stay.server != server().server;
      });
  if (same != stays.end()) {
    Complain(place, block, AuditRule::kExactlyOnce,
             absl::StrCat("server ", same->server, " holds it, too"));
  }
  stays.push_back(
      {.since = since,
       .server = server().server,
       .file = std::string(place.file),
       .line = place.line,
       .is_rolled_back = since != 0 && since == rolled_back_.incarnation,
       .came = counted});
}

void HistoryChecker::Leave(uint64_t block) {
  BlockStay& stay = stays_.at(block).back();
  stay.left = blocks_.at(block).Counted(phases_);
  stay.ahead = blocks_.at(block).ahead();
}

void HistoryChecker::Finish() {
  for (const auto& [block, audit] : blocks_) Leave(block);
  for (auto& [block, stays] : stays_) {
    std::stable_sort(stays.begin(), stays.end(),
                     [](const BlockStay& a, const BlockStay& b) {
                       return a.since < b.since;
                     });
    for (size_t i = 0; i < stays.size(); ++i) {
      if (stays[i].is_rolled_back) {
        CheckRollBack(block, stays, i);
        continue;
      }
      if (i == 0 || stays[i - 1].since == stays[i].since) continue;  // said
      const auto begun = BegunAnew(stays[i - 1], stays[i]);
      const auto gap =
          GapBetween(begun.value_or(stays[i - 1]), stays[i], micro_batches_);
      if (!gap.has_value()) continue;
      Complain({.file = stays[i].file, .line = stays[i].line}, block,
               AuditRule::kExactlyOnce, *gap);
    }
  }
}

// Between the two the job was rolled back, and the server that the block began
// anew at was lost before it had written anything, and so before it had counted
// anything.
std::optional<BlockStay> HistoryChecker::BegunAnew(
    const BlockStay& before, const BlockStay& after) const {
  auto last = roll_backs_.upper_bound(after.since);
  if (last == roll_backs_.begin()) return std::nullopt;
  --last;
  if (last->first <= before.since || after.came.steps != last->second ||
      !after.came.ranges.empty()) {
    return std::nullopt;
  }
  BlockStay begun;
  begun.since = last->first;
  begun.left.steps = last->second;
  return begun;
}

void HistoryChecker::CheckRollBack(uint64_t block,
                                   const std::vector<BlockStay>& stays,
                                   size_t number) {
  const BlockStay& stay = stays[number];
  uint64_t complete = 0;
  for (size_t i = 0; i < number; ++i) {
    complete = std::max(complete, stays[i].left.steps);
  }
  const RecordPlace place = {.file = stay.file, .line = stay.line};
  if (stay.came.steps > complete) {
    Complain(place, block, AuditRule::kCompleteSteps,
             absl::StrCat("was rolled back to step ", stay.came.steps,
                          ", when ", complete, " steps had been complete"));
  }
  if (RestoredAhead(stays, number)) {
    Complain(
        place, block, AuditRule::kExactlyOnce,
        absl::StrCat("was rolled back to step ", stay.came.steps,
                     ", whose checkpoint held pushes of later steps: they ",
                     "count once more"));
  }
}

absl::Status HistoryChecker::Do(const RecordPlace&, const PhaseRecord& phase) {
  phases_.Set(phase);
  return absl::OkStatus();
}

absl::Status HistoryChecker::Do(const RecordPlace&, const JoinRecord& join) {
  ASSIGN_OR_RETURN(BlockAudit * block, Block(join.block));
  block->Join(join);
  return absl::OkStatus();
}

absl::Status HistoryChecker::Do(const RecordPlace&, const LeaveRecord& leave) {
  ASSIGN_OR_RETURN(BlockAudit * block, Block(leave.block));
  return block->Leave(leave);
}

absl::Status HistoryChecker::Do(const RecordPlace& place,
                                const PushRecord& push) {
  ASSIGN_OR_RETURN(BlockAudit * block, Block(push.block));
  ++server().pushes;
  report_.lag.Add(push.lag);
  return block->Push(push, phases_,
                     [&](AuditRule rule, const std::string& sentence) {
                       Complain(place, push.block, rule, sentence);
                     });
}

absl::Status HistoryChecker::Do(const RecordPlace& place,
                                const RepeatRecord& repeat) {
  ASSIGN_OR_RETURN(BlockAudit * block, Block(repeat.block));
  ++server().repeats;
  return block->Repeat(repeat, phases_,
                       [&](AuditRule rule, const std::string& sentence) {
                         Complain(place, repeat.block, rule, sentence);
                       });
}

absl::Status HistoryChecker::Do(const RecordPlace&, const TickRecord& tick) {
  ASSIGN_OR_RETURN(BlockAudit* const block, Block(tick.block));
  return block->Tick(tick);
}

absl::Status HistoryChecker::Do(const RecordPlace& place,
                                const ReadRecord& read) {
  ASSIGN_OR_RETURN(BlockAudit * block, Block(read.block));
  ++server().reads;
  ASSIGN_OR_RETURN(
      const uint64_t staleness,
      block->Read(read, phases_,
                  [&](AuditRule rule, const std::string& sentence) {
                    Complain(place, read.block, rule, sentence);
                  }));
  report_.staleness.Add(staleness);
  return absl::OkStatus();
}

absl::StatusOr<BlockAudit*> HistoryChecker::Block(uint64_t block) {
  const auto found = blocks_.find(block);
  if (found != blocks_.end()) return &found->second;
  return absl::DataLossError(
      absl::StrCat("no B record says that the server holds block ", block));
}

void HistoryChecker::Complain(const RecordPlace& place, uint64_t block,
                              AuditRule rule, const std::string& sentence) {
  ++report_.violations;
  if (report_.first_violations.size() == violations_kept_) return;
  report_.first_violations.push_back(
      {.file = std::string(place.file),
       .line = place.line,
       .rule = rule,
       .sentence = absl::StrCat("block ", block, ": ", sentence)});
}

}  // namespace hawser
