// Where the time of a step goes, summed from a trace.
//
// A worker's step lasts from its beginning to the next one's on that worker;
// the last one's, to its end. Of a worker the thread that computes counts: what
// it does or waits for is what the step waits for, and what other threads do
// meanwhile costs nothing. A moment counts for the innermost span that it is
// in. `not compute` is (step - compute) / step: everything on the critical path
// that is not the model's forward and backward pass.
//
// A server's share is of the time of the workers' steps, all of its threads
// added; `idle` is the time in which none of them was in a span.
//
// Pure.
#ifndef HAWSER_CLIENT_TRACE_STEP_SHARES_H_
#define HAWSER_CLIENT_TRACE_STEP_SHARES_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "client/trace/collected_trace.h"

namespace hawser {

// Over steps.
struct Spread {
  double min = 0;
  double median = 0;
  double max = 0;
};
Spread SpreadOf(std::vector<double> values);

struct MemberShares {
  TraceMember info;
  int steps = 0;        // whole ones, with spans
  Spread step_seconds;  // of a worker
  std::map<SpanCategory, Spread> shares;
  Spread other;        // of a worker: in no span but the step's own
  Spread not_compute;  // of a worker
  Spread idle;         // of a server
};

struct StepShares {
  std::vector<MemberShares> members;  // workers, then servers
  Spread step_seconds;                // over all workers and steps
  Spread not_compute;
};

// trace: placed.
StepShares SharesOf(const CollectedTrace& trace);

}  // namespace hawser

#endif  // HAWSER_CLIENT_TRACE_STEP_SHARES_H_
