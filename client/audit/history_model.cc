#include "client/audit/history_model.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace hawser {
namespace {

constexpr int kActions = 250;
constexpr uint64_t kMostWorkers = 5;
constexpr uint64_t kMostStepsAhead = 3;

bool IsSynchronous(const AuditPhase& phase) {
  return phase.mode == AuditMode::kSynchronous;
}

// What happens to one block.
class ModelBlock {
 public:
  ModelBlock(uint64_t block, std::mt19937* random, ModelHistory* history)
      : block_(block), random_(*random), history_(*history) {
    records_.emplace_back(BlockRecord{block});
  }

  std::vector<AuditRecord> Live() {
    Join();
    for (int i = 0; i < kActions; ++i) Act();
    return std::move(records_);
  }

 private:
  struct ModelWorker {
    uint64_t clock = 0;
    bool has_read = false;
    uint64_t updates_at_read = 0;
  };
  using Workers = std::map<uint64_t, ModelWorker>;
  using Range = std::pair<uint64_t, uint64_t>;  // first, last

  uint64_t Below(uint64_t n) { return random_() % n; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  const AuditPhase& Now() const { return history_.PhaseAt(complete_); }

  void Act() {
    if (OneIn(12) && workers_.size() < kMostWorkers) Join();
    const auto worker = std::next(workers_.begin(), Below(workers_.size()));
    if (OneIn(25) && workers_.size() > 1) {
      records_.emplace_back(LeaveRecord{block_, worker->first});
      workers_.erase(worker);
    } else if (OneIn(8)) {
      Repeat(worker);
    } else if (IsSynchronous(Now())) {
      OneIn(3) ? ReadSynchronous(worker) : PushSynchronous(worker);
    } else {
      worker->second.has_read && !OneIn(6) ? Push(worker) : Read(worker);
    }
  }

  void Join() {
    uint64_t clock = complete_;
    if (!IsSynchronous(Now()) && !workers_.empty()) {
      clock = workers_.begin()->second.clock + Below(2);
    }
    const uint64_t node = ++nodes_ * 10 + block_ % 10;
    workers_[node].clock = clock;
    records_.emplace_back(JoinRecord{block_, node, clock});
  }

  void Repeat(Workers::iterator worker) {
    uint64_t& clock = worker->second.clock;
    // Long ago, or the next one, whose micro-batches somebody else has pushed.
    const uint64_t repeated = Below(clock + 1);
    clock = std::max(clock, repeated + 1);
    records_.emplace_back(RepeatRecord{block_, worker->first, repeated});
    ++history_.repeats;
  }

  void ReadSynchronous(Workers::iterator worker) {
    const uint64_t staleness = complete_ == 0 ? 0 : Below(2);
    ++history_.staleness[staleness];
    records_.emplace_back(ReadRecord{
        block_, worker->first, complete_ - staleness, complete_, std::nullopt});
  }

  void Read(Workers::iterator worker) {
    ModelWorker& self = worker->second;
    const uint64_t clock = self.clock - std::min(Below(3) / 2, self.clock);
    ReadRecord read = {block_, worker->first, clock, complete_, {{}}};
    uint64_t staleness = 0;
    for (const auto& [node, other] : workers_) {
      read.clocks->emplace_back(node, other.clock);
      if (node != worker->first && other.clock < clock) {
        staleness = std::max(staleness, clock - other.clock);
      }
    }
    if (Now().mode == AuditMode::kBoundedStaleness &&
        Now().staleness.has_value() && staleness > *Now().staleness) {
      return;  // parked
    }
    std::shuffle(read.clocks->begin(), read.clocks->end(), random_);
    records_.emplace_back(read);
    ++history_.staleness[staleness];
    self.has_read = true;
    self.updates_at_read = updates_;
  }

  void PushSynchronous(Workers::iterator worker) {
    const uint64_t first = Below(history_.micro_batches);
    const uint64_t last = first + 1 + Below(history_.micro_batches - first);
    std::set<Range>& held = held_[complete_];
    std::vector<Range> replaced;
    for (const Range& range : held) {
      if (range.second <= first || last <= range.first) continue;
      const bool below = first <= range.first && range.second <= last;
      if (!below || range == Range(first, last)) return;
      replaced.push_back(range);
    }
    for (const Range& range : replaced) held.erase(range);
    held.emplace(first, last);
    ++history_.lag[0];
    records_.emplace_back(PushRecord{block_, worker->first, complete_,
                                     complete_, first, last, 0});
    worker->second.clock = std::max(worker->second.clock, complete_ + 1);
    CompleteSteps();
  }

  void Push(Workers::iterator worker) {
    const uint64_t step = complete_ + Below(kMostStepsAhead + 1);
    for (uint64_t s = complete_; s <= step; ++s) {
      if (IsSynchronous(history_.PhaseAt(s))) return;
    }
    std::vector<bool> counted(history_.micro_batches);
    for (const Range& range : held_[step]) {
      std::fill(counted.begin() + range.first, counted.begin() + range.second,
                true);
    }
    const uint64_t first =
        std::find(counted.begin(), counted.end(), false) - counted.begin();
    if (first == history_.micro_batches) return;
    uint64_t last = first + 1;
    while (last < history_.micro_batches && !counted[last] && !OneIn(3)) ++last;
    held_[step].emplace(first, last);
    ModelWorker& self = worker->second;
    const uint64_t lag = updates_ - self.updates_at_read;
    ++history_.lag[lag];
    records_.emplace_back(
        PushRecord{block_, worker->first, self.clock, step, first, last, lag});
    ++self.clock;
    self.has_read = false;
    ++updates_;
    CompleteSteps();
  }

  void CompleteSteps() {
    const bool before = IsSynchronous(Now());
    for (;;) {
      uint64_t counted = 0;
      for (const Range& range : held_[complete_]) {
        counted += range.second - range.first;
      }
      if (counted < history_.micro_batches) break;
      ++complete_;
    }
    if (IsSynchronous(Now()) == before) return;
    // All go on from the same clock.
    for (auto& [node, worker] : workers_) {
      worker = {.clock = complete_};
      records_.emplace_back(JoinRecord{block_, node, complete_});
    }
  }

  uint64_t block_;
  std::mt19937& random_;
  ModelHistory& history_;
  std::vector<AuditRecord> records_;
  Workers workers_;
  uint64_t nodes_ = 0;
  uint64_t complete_ = 0;
  uint64_t updates_ = 0;
  std::map<uint64_t, std::set<Range>> held_;  // by step
};

AuditPhase RandomPhase(std::mt19937& random) {
  switch (random() % 4) {
    case 0:
      return {.mode = AuditMode::kSynchronous};
    case 1:
      return {.mode = AuditMode::kAsynchronous};
    case 2:
      return {.mode = AuditMode::kBoundedStaleness, .window_ms = 250};
    default:
      return {.mode = AuditMode::kBoundedStaleness, .staleness = random() % 4};
  }
}

// A server's file: its blocks' records in any order that keeps each block's.
void AddServer(uint64_t server, std::mt19937& random, ModelHistory* history) {
  std::vector<std::vector<AuditRecord>> blocks;
  for (uint64_t i = 1 + random() % 3; i > 0; --i) {
    blocks.push_back(ModelBlock(history->blocks++, &random, history).Live());
  }
  const auto add_phases = [history] {
    for (const auto& [from, phase] : history->phases) {
      history->records.emplace_back(PhaseRecord{from, phase});
    }
  };
  history->records.emplace_back(
      HeaderRecord{"a", server, history->micro_batches});
  add_phases();
  std::vector<size_t> next(blocks.size());
  size_t left = 0;
  for (const auto& block : blocks) left += block.size();
  while (left > 0) {
    const size_t b = random() % blocks.size();
    if (next[b] == blocks[b].size()) continue;
    history->records.emplace_back(blocks[b][next[b]++]);
    --left;
    if (random() % 50 == 0) add_phases();
  }
}

std::string PhaseText(const AuditPhase& phase) {
  const auto number = [](const std::optional<uint64_t>& value) {
    return value.has_value() ? absl::StrCat(*value) : "-";
  };
  const char* mode = phase.mode == AuditMode::kSynchronous ? "SYNCHRONOUS"
                     : phase.mode == AuditMode::kAsynchronous
                         ? "ASYNCHRONOUS"
                         : "BOUNDED_STALENESS";
  return absl::StrCat(mode, " ", number(phase.staleness), " ",
                      number(phase.window_ms));
}

template <typename... Numbers>
std::string Line(const char* kind, Numbers... numbers) {
  std::string line = kind;
  (absl::StrAppend(&line, " ", numbers), ...);
  return line;
}

struct ToText {
  std::string operator()(const HeaderRecord& r) {
    return absl::StrCat("H 1 ", r.job, " ", r.server, " ", r.micro_batches);
  }
  std::string operator()(const RollBackRecord& r) {
    return Line("V", r.incarnation, r.step);
  }
  std::string operator()(const BlockRecord& r) { return Line("B", r.block); }
  std::string operator()(const ArriveRecord& r) {
    return absl::StrCat(
        Line(r.takes_over ? "K" : "A", r.block, r.since, r.steps), " ",
        r.counted.empty()
            ? "-"
            : absl::StrJoin(r.counted, ",", absl::PairFormatter(":")));
  }
  std::string operator()(const PhaseRecord& r) {
    return absl::StrCat("M ", r.from_step, " ", PhaseText(r.phase));
  }
  std::string operator()(const JoinRecord& r) {
    return Line("J", r.block, r.node, r.clock);
  }
  std::string operator()(const LeaveRecord& r) {
    return Line("L", r.block, r.node);
  }
  std::string operator()(const PushRecord& r) {
    return Line("P", r.block, r.node, r.clock, r.step, r.first, r.last, r.lag);
  }
  std::string operator()(const RepeatRecord& r) {
    return Line("D", r.block, r.node, r.clock);
  }
  std::string operator()(const TickRecord& r) {
    return Line("T", r.block, r.node, r.clock);
  }
  std::string operator()(const ReadRecord& r) {
    return absl::StrCat(
        Line("R", r.block, r.node, r.clock, r.step), " ",
        r.clocks.has_value()
            ? absl::StrJoin(*r.clocks, ",", absl::PairFormatter(":"))
            : "-");
  }
};

}  // namespace

ModelHistory RandomHistory(std::mt19937* random) {
  ModelHistory history;
  history.micro_batches = 1 + (*random)() % 8;
  uint64_t from = 0;
  for (uint64_t i = 1 + (*random)() % 4; i > 0; --i) {
    history.phases[from] = RandomPhase(*random);
    from += 1 + (*random)() % 8;
  }
  history.servers = 1 + (*random)() % 3;
  for (uint64_t server = 0; server < history.servers; ++server) {
    AddServer(server, *random, &history);
  }
  return history;
}

std::string RecordText(const AuditRecord& record) {
  return std::visit(ToText(), record);
}

}  // namespace hawser
