// Traces of jobs (docs/trace.md): who is to record which steps, and what they
// have recorded. Nothing of it is durable, and no job changes by it.
//
//   RECORDING  --the steps are done, or the job is, or nobody asks-->
//   COLLECTING --every member has sent its last part, or is gone, or the time
//   is up--> COLLECTED (Follow makes both)
//
// Bounded: so many traces, and so many bytes in them; the oldest that is
// COLLECTED goes first.
//
// Pure: time is an argument.
#ifndef HAWSER_SCHEDULER_STATE_TRACES_H_
#define HAWSER_SCHEDULER_STATE_TRACES_H_

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/scheduler.pb.h"
#include "scheduler/state/cluster_state.h"
#include "scheduler/state/job.h"

namespace hawser {

class Traces {
 public:
  struct Limits {
    size_t traces = 8;
    size_t bytes = 64 << 20;  // of all of them
  };
  static constexpr uint32_t kMaxSteps = 1000;
  // A member has this long from the order to its first step.
  static constexpr absl::Duration kLead = absl::Seconds(1);
  // A client that has not asked for its trace for so long is gone.
  static constexpr absl::Duration kAbandoned = absl::Seconds(60);
  // How long members have to send what they recorded.
  static constexpr absl::Duration kCollect = absl::Seconds(20);

  Traces() : Traces(Limits()) {}
  explicit Traces(Limits limits) : limits_(limits) {}

  // --- Clients ---

  // INVALID_ARGUMENT, FAILED_PRECONDITION, RESOURCE_EXHAUSTED: what StartTrace
  // of the service says.
  absl::StatusOr<StartTraceResponse> Start(const Job& job, uint32_t steps,
                                           absl::Time now);
  // Somebody waits for it. NOT_FOUND.
  absl::Status Renew(uint64_t trace, absl::Time now);
  // The number of its job. NOT_FOUND.
  absl::StatusOr<uint64_t> JobOf(uint64_t trace) const;
  bool IsCollected(uint64_t trace) const;
  absl::Status Read(uint64_t trace, uint32_t part,
                    GetTraceResponse* response) const;

  // --- Members ---

  TraceOrder OrderFor(uint64_t node) const;
  absl::Status Add(const AddSpansRequest& request);

  // --- What follows ---

  // From the jobs, the members, and the time.
  void Follow(const ClusterState& cluster, absl::Time now);
  // Nodes whose order, and jobs whose trace, have changed since the last call.
  std::set<uint64_t> TakeNews() { return std::exchange(news_, {}); }
  absl::Time NextDeadline() const;

 private:
  struct Part {
    uint64_t node = 0;
    AddSpansRequest request;
  };
  struct Trace {
    TraceOrder order;
    std::string job_name;
    TraceState state = RECORDING;
    absl::Time deadline;
    std::map<uint64_t, TraceMember> members;  // by node
    std::map<uint64_t, uint32_t> next_part;   // by node
    std::vector<Part> parts;
    size_t bytes = 0;
  };

  absl::StatusOr<const Trace*> Find(uint64_t trace) const;
  // One that records on this node, or is about to send; null: none.
  const Trace* ActiveOn(uint64_t node) const;
  bool DropOldest();
  void Collect(Trace* trace, absl::Time now);
  void Finish(Trace* trace, const std::string& why_missing);

  Limits limits_;
  std::map<uint64_t, Trace> traces_;  // by number
  std::set<uint64_t> news_;
  uint64_t next_number_ = 1;
  size_t bytes_ = 0;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_STATE_TRACES_H_
