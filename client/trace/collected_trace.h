// A trace as it has been fetched from the scheduler: the spans of every member,
// on the scheduler's clock.
//
// Pure.
#ifndef HAWSER_CLIENT_TRACE_COLLECTED_TRACE_H_
#define HAWSER_CLIENT_TRACE_COLLECTED_TRACE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "common/trace/span.h"
#include "proto/plan.pb.h"
#include "proto/trace.pb.h"

namespace hawser {

struct CollectedTrace {
  struct Member {
    TraceMember info;
    // Once placed: by beginning, an outer span before those in it.
    std::vector<RecordedSpan> spans;
  };

  std::string job;
  uint64_t first_step = 0;
  uint32_t steps = 0;
  Plan plan;  // for the names of layers
  std::vector<Member> members;
};

// "worker 4".
std::string NameOf(const TraceMember& member);

// True if the clock differs by more than can be an error of its measurement:
// on one host it does not.
bool ClockIsOff(const TraceMember& member);

// Corrects and sorts the spans of each member.
void PlaceSpans(CollectedTrace* trace);

// What is missing, a sentence each; empty: all is there.
std::vector<std::string> Gaps(const CollectedTrace& trace);

}  // namespace hawser

#endif  // HAWSER_CLIENT_TRACE_COLLECTED_TRACE_H_
