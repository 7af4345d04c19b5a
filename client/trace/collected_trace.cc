#include "client/trace/collected_trace.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace hawser {
namespace {

// Steps named in a sentence.
constexpr size_t kStepsNamed = 10;

std::vector<uint64_t> StepsWithoutSpans(const CollectedTrace& trace,
                                        const CollectedTrace::Member& member) {
  std::set<uint64_t> there;
  for (const RecordedSpan& span : member.spans) there.insert(span.step);
  std::vector<uint64_t> missing;
  for (uint32_t i = 0; i < trace.steps; ++i) {
    const uint64_t step = trace.first_step + i;
    if (there.count(step) == 0) missing.push_back(step);
  }
  return missing;
}

}  // namespace

std::string NameOf(const TraceMember& member) {
  return absl::StrCat(member.is_server() ? "server " : "worker ",
                      member.node());
}

bool ClockIsOff(const TraceMember& member) {
  return static_cast<uint64_t>(std::abs(member.clock_offset_ns())) >
         member.clock_error_ns();
}

void PlaceSpans(CollectedTrace* trace) {
  for (CollectedTrace::Member& member : trace->members) {
    const int64_t offset =
        ClockIsOff(member.info) ? member.info.clock_offset_ns() : 0;
    for (RecordedSpan& span : member.spans) {
      span.begin_ns += offset;
      span.end_ns += offset;
    }
    // Of two that are as long the one that ended later is the outer one.
    std::reverse(member.spans.begin(), member.spans.end());
    std::stable_sort(member.spans.begin(), member.spans.end(),
                     [](const RecordedSpan& a, const RecordedSpan& b) {
                       return std::make_tuple(a.begin_ns, -a.end_ns) <
                              std::make_tuple(b.begin_ns, -b.end_ns);
                     });
  }
}

std::vector<std::string> Gaps(const CollectedTrace& trace) {
  std::vector<std::string> gaps;
  for (const CollectedTrace::Member& member : trace.members) {
    const std::string name = NameOf(member.info);
    if (!member.info.missing().empty()) {
      gaps.push_back(
          absl::StrCat(name, " is missing: it ", member.info.missing()));
      continue;
    }
    if (member.info.dropped() != 0) {
      gaps.push_back(absl::StrCat(name, " had ", member.info.dropped(),
                                  " spans more than are kept; trace fewer "
                                  "steps"));
    }
    std::vector<uint64_t> steps = StepsWithoutSpans(trace, member);
    if (steps.empty()) continue;
    const size_t count = steps.size();
    steps.resize(std::min(count, kStepsNamed));
    gaps.push_back(absl::StrCat(
        name, " recorded nothing in ", count, " of ", trace.steps, " steps (",
        absl::StrJoin(steps, ", "), count > steps.size() ? ", ..." : "", ")"));
  }
  return gaps;
}

}  // namespace hawser
