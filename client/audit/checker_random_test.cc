// Random histories that keep every rule have no violation, whatever their
// phases, workers and interleaving; the same with one record changed so that a
// rule is broken always have one.
//
// A failure prints its seed; to see it again:
//   bazel test //client/audit:checker_random_test
//       --test_arg=--gtest_random_seed=SEED
#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/audit/checker.h"
#include "client/audit/checker_test_support.h"
#include "client/audit/history_model.h"
#include "gtest/gtest.h"

namespace hawser {
namespace {

constexpr int kHistories = 150;
constexpr int kChangesPerHistory = 10;

uint64_t BlockOf(const AuditRecord& record) {
  return std::visit(
      [](const auto& kind) -> uint64_t {
        if constexpr (requires { kind.block; }) return kind.block;
        return UINT64_MAX;
      },
      record);
}

uint64_t NodeOf(const AuditRecord& record) {
  return std::visit(
      [](const auto& kind) -> uint64_t {
        if constexpr (requires { kind.node; }) return kind.node;
        return UINT64_MAX;
      },
      record);
}

// Changes record number i of a history so that a rule must be broken; false:
// this record does not lend itself to it, and nothing is changed.
using Change = std::function<bool(ModelHistory*, size_t i, std::mt19937&)>;

// Those after number i of its block.
template <typename Kind>
std::vector<Kind> After(const ModelHistory& history, size_t i) {
  std::vector<Kind> found;
  for (size_t k = i + 1; k < history.records.size(); ++k) {
    const auto* record = std::get_if<Kind>(&history.records[k]);
    if (record != nullptr && record->block == BlockOf(history.records[i])) {
      found.push_back(*record);
    }
  }
  return found;
}

bool IsBounded(const AuditPhase& phase) {
  return phase.mode == AuditMode::kBoundedStaleness &&
         phase.staleness.has_value();
}

bool IsSynchronous(const AuditPhase& phase) {
  return phase.mode == AuditMode::kSynchronous;
}

void Drop(ModelHistory* history, size_t i) {
  history->records.erase(history->records.begin() + i);
}

bool PushTwice(ModelHistory* history, size_t i, std::mt19937&) {
  if (!std::holds_alternative<PushRecord>(history->records[i])) return false;
  const AuditRecord copy = history->records[i];
  history->records.insert(history->records.begin() + i, copy);
  return true;
}

bool LosePush(ModelHistory* history, size_t i, std::mt19937&) {
  const auto* push = std::get_if<PushRecord>(&history->records[i]);
  if (push == nullptr) return false;
  // One that replaces it, or is replaced by it, would make up for it.
  for (const AuditRecord& record : history->records) {
    const auto* other = std::get_if<PushRecord>(&record);
    if (other != nullptr && other != push && other->block == push->block &&
        other->step == push->step && other->first < push->last &&
        push->first < other->last) {
      return false;
    }
  }
  const auto reads = After<ReadRecord>(*history, i);
  if (std::none_of(reads.begin(), reads.end(), [push](const ReadRecord& read) {
        return read.step > push->step;
      })) {
    return false;
  }
  Drop(history, i);
  return true;
}

bool WrongRange(ModelHistory* history, size_t i, std::mt19937& random) {
  auto* push = std::get_if<PushRecord>(&history->records[i]);
  if (push == nullptr) return false;
  push->last = random() % 2 == 0 ? push->first : history->micro_batches + 1;
  return true;
}

bool WrongStep(ModelHistory* history, size_t i, std::mt19937& random) {
  auto* read = std::get_if<ReadRecord>(&history->records[i]);
  if (read == nullptr) return false;
  // While synchronous, the update of a whole step may not be made yet.
  const bool may_be_less =
      read->step > 0 && !IsSynchronous(history->PhaseAt(read->step - 1));
  read->step += may_be_less && random() % 2 == 0 ? -1 : 1;
  return true;
}

bool PushOfALaterStep(ModelHistory* history, size_t i, std::mt19937&) {
  auto* push = std::get_if<PushRecord>(&history->records[i]);
  if (push == nullptr || !IsSynchronous(history->PhaseAt(push->step))) {
    return false;
  }
  ++push->step;
  return true;
}

bool SynchronousReadTooEarlyOrLate(ModelHistory* history, size_t i,
                                   std::mt19937& random) {
  auto* read = std::get_if<ReadRecord>(&history->records[i]);
  if (read == nullptr || !IsSynchronous(history->PhaseAt(read->step))) {
    return false;
  }
  read->clock =
      read->step >= 2 && random() % 2 == 0 ? read->step - 2 : read->step + 1;
  return true;
}

bool ReadBeyondTheBound(ModelHistory* history, size_t i, std::mt19937&) {
  auto* read = std::get_if<ReadRecord>(&history->records[i]);
  if (read == nullptr || !IsBounded(history->PhaseAt(read->step))) return false;
  uint64_t slowest = UINT64_MAX;
  for (const auto& [node, clock] : *read->clocks) {
    if (node != read->node) slowest = std::min(slowest, clock);
  }
  if (slowest == UINT64_MAX) return false;
  read->clock = slowest + *history->PhaseAt(read->step).staleness + 1;
  return true;
}

bool SkipAPushNumber(ModelHistory* history, size_t i, std::mt19937&) {
  auto* push = std::get_if<PushRecord>(&history->records[i]);
  if (push == nullptr || !IsBounded(history->PhaseAt(push->step))) return false;
  ++push->clock;
  return true;
}

bool WrongClock(ModelHistory* history, size_t i, std::mt19937& random) {
  auto* read = std::get_if<ReadRecord>(&history->records[i]);
  if (read == nullptr || !read->clocks.has_value()) return false;
  uint64_t& clock = read->clocks->at(random() % read->clocks->size()).second;
  clock += clock > 0 && random() % 2 == 0 ? -1 : 1;
  return true;
}

bool LeaveOutAClock(ModelHistory* history, size_t i, std::mt19937& random) {
  auto* read = std::get_if<ReadRecord>(&history->records[i]);
  if (read == nullptr || !read->clocks.has_value()) return false;
  read->clocks->erase(read->clocks->begin() + random() % read->clocks->size());
  if (read->clocks->empty()) read->clocks.reset();
  return true;
}

bool LoseLeave(ModelHistory* history, size_t i, std::mt19937&) {
  if (!std::holds_alternative<LeaveRecord>(history->records[i])) return false;
  const auto reads = After<ReadRecord>(*history, i);
  if (std::none_of(reads.begin(), reads.end(), [](const ReadRecord& read) {
        return read.clocks.has_value();
      })) {
    return false;
  }
  Drop(history, i);
  return true;
}

bool LeaveTooEarly(ModelHistory* history, size_t i, std::mt19937&) {
  const AuditRecord record = history->records[i];
  if (!std::holds_alternative<PushRecord>(record) &&
      !std::holds_alternative<ReadRecord>(record)) {
    return false;
  }
  history->records.insert(history->records.begin() + i,
                          LeaveRecord{BlockOf(record), NodeOf(record)});
  return true;
}

bool LoseJoin(ModelHistory* history, size_t i, std::mt19937&) {
  const auto* join = std::get_if<JoinRecord>(&history->records[i]);
  if (join == nullptr) return false;
  const auto is_of_worker = [join](const AuditRecord& record) {
    return BlockOf(record) == join->block && NodeOf(record) == join->node;
  };
  const auto here = history->records.begin() + i;
  if (std::any_of(history->records.begin(), here, is_of_worker)) return false;
  const auto next =
      std::find_if(here + 1, history->records.end(), is_of_worker);
  if (next == history->records.end() ||
      std::holds_alternative<JoinRecord>(*next)) {
    return false;
  }
  Drop(history, i);
  return true;
}

bool LoseBlock(ModelHistory* history, size_t i, std::mt19937&) {
  if (!std::holds_alternative<BlockRecord>(history->records[i])) return false;
  Drop(history, i);
  return true;
}

std::string Text(const ModelHistory& history) {
  std::string text;
  for (const AuditRecord& record : history.records) {
    absl::StrAppend(&text, RecordText(record), "\n");
  }
  return text;
}

class CheckerRandomTest : public testing::Test {
 protected:
  CheckerRandomTest() {
    const int given = testing::GTEST_FLAG(random_seed);
    seed_ = given != 0 ? static_cast<uint32_t>(given)
                       : 1 + std::random_device()() % 99999;
    RecordProperty("seed", static_cast<int>(seed_));
    random_.seed(seed_);
  }

  uint32_t seed_;
  std::mt19937 random_;
};

TEST_F(CheckerRandomTest, HistoriesThatKeepTheRules) {
  SCOPED_TRACE(absl::StrCat("--gtest_random_seed=", seed_));
  std::map<uint64_t, uint64_t> staleness;
  for (int round = 0; round < kHistories; ++round) {
    const ModelHistory history = RandomHistory(&random_);
    const auto report = CheckText(Text(history));
    ASSERT_TRUE(report.ok()) << report.status();
    for (const AuditViolation& violation : report->first_violations) {
      FAIL() << violation.line << ": " << violation.sentence;
    }
    ASSERT_EQ(report->violations, 0u);
    const auto map = [](const Distribution& distribution) {
      return std::map<uint64_t, uint64_t>(distribution.counts().begin(),
                                          distribution.counts().end());
    };
    ASSERT_EQ(map(report->staleness), history.staleness);
    ASSERT_EQ(map(report->lag), history.lag);
    ASSERT_EQ(report->servers.size(), history.servers);
    ASSERT_EQ(report->Total().blocks, history.blocks);
    ASSERT_EQ(report->Total().repeats, history.repeats);
    for (const auto& [value, count] : history.staleness) {
      staleness[value] += count;
    }
  }
  // The histories have been everywhere.
  for (uint64_t value = 0; value < 6; ++value) EXPECT_GT(staleness[value], 0u);
}

TEST_F(CheckerRandomTest, OneRecordChanged) {
  SCOPED_TRACE(absl::StrCat("--gtest_random_seed=", seed_));
  const std::vector<std::pair<std::string, Change>> changes = {
      {"push twice", PushTwice},
      {"lose a push", LosePush},
      {"wrong range", WrongRange},
      {"wrong step", WrongStep},
      {"push of a later step", PushOfALaterStep},
      {"synchronous read", SynchronousReadTooEarlyOrLate},
      {"read beyond the bound", ReadBeyondTheBound},
      {"skip a push number", SkipAPushNumber},
      {"wrong clock", WrongClock},
      {"leave out a clock", LeaveOutAClock},
      {"lose a leave", LoseLeave},
      {"leave too early", LeaveTooEarly},
      {"lose a join", LoseJoin},
      {"lose a block", LoseBlock}};
  std::map<std::string, int> made;
  for (int round = 0; round < kHistories; ++round) {
    const ModelHistory history = RandomHistory(&random_);
    for (int k = 0; k < kChangesPerHistory; ++k) {
      const auto& [name, change] = changes[random_() % changes.size()];
      ModelHistory changed = history;
      const size_t start = random_() % history.records.size();
      for (size_t i = 0; i < history.records.size(); ++i) {
        const size_t at = (start + i) % history.records.size();
        if (!change(&changed, at, random_)) continue;
        ++made[name];
        const auto report = CheckText(Text(changed));
        ASSERT_TRUE(!report.ok() || report->violations > 0)
            << name << " at line " << at + 1 << ": "
            << RecordText(history.records[at]);
        break;
      }
    }
  }
  for (const auto& [name, change] : changes) EXPECT_GT(made[name], 0) << name;
}

}  // namespace
}  // namespace hawser
