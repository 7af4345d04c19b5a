#include "client/trace/step_shares.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

namespace hawser {
namespace {

// [begin, end) of something, in nanoseconds.
struct Stretch {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t length() const { return end - begin; }
};

int64_t Overlap(const Stretch& a, const Stretch& b) {
  return std::max<int64_t>(0,
                           std::min(a.end, b.end) - std::max(a.begin, b.begin));
}

struct Piece {
  SpanCategory category;
  Stretch stretch;
};

// The time of one thread cut into pieces, each of the innermost span it is in.
// Outer spans come before inner ones.
std::vector<Piece> Innermost(const std::vector<const RecordedSpan*>& spans) {
  std::vector<Piece> pieces;
  std::vector<const RecordedSpan*> open;
  int64_t now = std::numeric_limits<int64_t>::min();
  const auto pass = [&](int64_t until) {
    if (!open.empty() && until > now) {
      pieces.push_back({CategoryOf(open.back()->kind), {now, until}});
    }
    now = std::max(now, until);
  };
  const auto close = [&](int64_t until) {
    while (!open.empty() && open.back()->end_ns <= until) {
      pass(open.back()->end_ns);
      open.pop_back();
    }
  };
  for (const RecordedSpan* span : spans) {
    close(span->begin_ns);
    pass(span->begin_ns);
    open.push_back(span);
  }
  close(std::numeric_limits<int64_t>::max());
  return pieces;
}

using Threads = std::map<uint32_t, std::vector<const RecordedSpan*>>;

Threads ThreadsOf(const CollectedTrace::Member& member) {
  Threads threads;
  for (const RecordedSpan& span : member.spans) {
    threads[span.thread].push_back(&span);
  }
  return threads;
}

using Steps = std::map<uint64_t, Stretch>;  // by number

Steps StepsOf(const CollectedTrace::Member& worker) {
  Steps steps;
  for (const RecordedSpan& span : worker.spans) {
    if (span.kind != SPAN_STEP) continue;
    const auto [step, is_new] =
        steps.try_emplace(span.step, Stretch{span.begin_ns, span.end_ns});
    if (!is_new) step->second.end = std::max(step->second.end, span.end_ns);
  }
  // Up to the next one, if that was traced, too.
  for (auto step = steps.begin(); step != steps.end(); ++step) {
    const auto next = steps.find(step->first + 1);
    if (next == steps.end()) continue;
    step->second.end = std::max(step->second.begin, next->second.begin);
  }
  return steps;
}

// How much of the step is covered by any of the pieces.
int64_t Covered(std::vector<Stretch> stretches, const Stretch& step) {
  std::sort(
      stretches.begin(), stretches.end(),
      [](const Stretch& a, const Stretch& b) { return a.begin < b.begin; });
  int64_t covered = 0;
  int64_t until = step.begin;
  for (const Stretch& stretch : stretches) {
    const Stretch rest{std::max(stretch.begin, until), stretch.end};
    covered += Overlap(rest, step);
    until = std::max(until, stretch.end);
  }
  return covered;
}

// Collects values step by step.
struct Values {
  std::map<SpanCategory, std::vector<double>> shares;
  std::vector<double> seconds, other, not_compute, idle;

  MemberShares Spreads(const TraceMember& info) const {
    MemberShares result;
    result.info = info;
    result.steps = static_cast<int>(seconds.size());
    result.step_seconds = SpreadOf(seconds);
    for (const auto& [category, values] : shares) {
      std::vector<double> all = values;
      all.resize(seconds.size(), 0);
      result.shares[category] = SpreadOf(std::move(all));
    }
    result.other = SpreadOf(other);
    result.not_compute = SpreadOf(not_compute);
    result.idle = SpreadOf(idle);
    return result;
  }
};

// Adds the step's shares; returns their sum, without what is the step's own.
double AddShares(const std::vector<Piece>& pieces, const Stretch& step,
                 Values* values) {
  std::map<SpanCategory, int64_t> sums;
  for (const Piece& piece : pieces) {
    sums[piece.category] += Overlap(piece.stretch, step);
  }
  const auto length = static_cast<double>(step.length());
  double total = 0;
  for (const auto& [category, sum] : sums) {
    if (category == SpanCategory::kStep || sum == 0) continue;
    const double share = static_cast<double>(sum) / length;
    values->shares[category].push_back(share);
    total += share;
  }
  const auto compute = sums.find(SpanCategory::kCompute);
  values->seconds.push_back(length * 1e-9);
  values->not_compute.push_back(compute == sums.end()
                                    ? 1
                                    : 1 - static_cast<double>(compute->second) /
                                              length);
  return total;
}

Values ValuesOfWorker(const CollectedTrace::Member& worker) {
  std::vector<Piece> pieces;
  for (const auto& [number, spans] : ThreadsOf(worker)) {
    const bool computes = std::any_of(
        spans.begin(), spans.end(),
        [](const RecordedSpan* span) { return span->kind == SPAN_STEP; });
    if (!computes) continue;
    const std::vector<Piece> of_thread = Innermost(spans);
    pieces.insert(pieces.end(), of_thread.begin(), of_thread.end());
  }
  Values values;
  for (const auto& [number, step] : StepsOf(worker)) {
    if (step.length() <= 0) continue;
    values.other.push_back(std::max(0.0, 1 - AddShares(pieces, step, &values)));
  }
  return values;
}

Values ValuesOfServer(const CollectedTrace::Member& server,
                      const Steps& steps) {
  std::vector<Piece> pieces;
  for (const auto& [number, spans] : ThreadsOf(server)) {
    const std::vector<Piece> of_thread = Innermost(spans);
    pieces.insert(pieces.end(), of_thread.begin(), of_thread.end());
  }
  std::vector<Stretch> stretches;
  for (const Piece& piece : pieces) stretches.push_back(piece.stretch);
  Values values;
  for (const auto& [number, step] : steps) {
    if (step.length() <= 0) continue;
    AddShares(pieces, step, &values);
    values.idle.push_back(1 - static_cast<double>(Covered(stretches, step)) /
                                  static_cast<double>(step.length()));
  }
  return values;
}

}  // namespace

Spread SpreadOf(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  const double median = values.size() % 2 == 1
                            ? values[half]
                            : (values[half - 1] + values[half]) / 2;
  return {values.front(), median, values.back()};
}

StepShares SharesOf(const CollectedTrace& trace) {
  StepShares shares;
  Steps steps;  // from the first worker's beginning to the first one's next
  std::vector<double> seconds, not_compute;
  for (const CollectedTrace::Member& member : trace.members) {
    if (member.info.is_server()) continue;
    for (const auto& [number, step] : StepsOf(member)) {
      const auto [known, is_new] = steps.try_emplace(number, step);
      if (is_new) continue;
      known->second.begin = std::min(known->second.begin, step.begin);
      known->second.end = std::max(known->second.end, step.end);
    }
    const Values values = ValuesOfWorker(member);
    seconds.insert(seconds.end(), values.seconds.begin(), values.seconds.end());
    not_compute.insert(not_compute.end(), values.not_compute.begin(),
                       values.not_compute.end());
    shares.members.push_back(values.Spreads(member.info));
  }
  for (auto step = steps.begin(); step != steps.end(); ++step) {
    const auto next = steps.find(step->first + 1);
    if (next != steps.end()) step->second.end = next->second.begin;
  }
  for (const CollectedTrace::Member& member : trace.members) {
    if (!member.info.is_server()) continue;
    shares.members.push_back(
        ValuesOfServer(member, steps).Spreads(member.info));
  }
  shares.step_seconds = SpreadOf(std::move(seconds));
  shares.not_compute = SpreadOf(std::move(not_compute));
  return shares;
}

}  // namespace hawser
