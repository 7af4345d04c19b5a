#include "scheduler/state/traces.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

// The first step that every member can be told of in time: not the one that is
// being made, and none of those of the next kLead.
uint64_t FirstStep(const Job& job) {
  const double lead = std::ceil(job.progress().MostStepsPerSecond() *
                                absl::ToDoubleSeconds(Traces::kLead));
  return job.progress().step() + 1 + static_cast<uint64_t>(lead);
}

std::string NameOf(const TraceMember& member) {
  return absl::StrCat(member.is_server() ? "server " : "worker ",
                      member.node());
}

absl::Status NoSuchTrace(uint64_t trace) {
  return absl::NotFoundError(absl::StrCat(
      "no trace ", trace, " (any more); start another with `hawser trace`"));
}

}  // namespace

// --- Clients ---------------------------------------------------------------

absl::StatusOr<StartTraceResponse> Traces::Start(const Job& job, uint32_t steps,
                                                 absl::Time now) {
  if (steps == 0 || steps > kMaxSteps) {
    return absl::InvalidArgumentError(
        absl::StrCat("a trace of ", steps, " steps; ask for 1 to ", kMaxSteps));
  }
  if (job.state() != RUNNING) {
    return absl::FailedPreconditionError(absl::StrCat(
        "job ", job.name(), " is ",
        absl::AsciiStrToLower(JobState_Name(job.state())),
        ", and only a running job makes steps that can be traced",
        job.state() < RUNNING ? absl::StrCat("; `hawser wait ", job.name(),
                                             " --for=running` waits for it")
                              : ""));
  }
  const uint64_t first = FirstStep(job);
  const uint64_t total = job.plan()->total_steps();
  if (first >= total) {
    return absl::FailedPreconditionError(
        absl::StrCat("job ", job.name(), " ends too soon: it is at step ",
                     job.progress().step(), " of ", total,
                     ", and the first that could be traced is ", first));
  }
  Trace trace;
  for (const ServerEndpoint& server : job.plan()->servers()) {
    if (!job.HoldsBlocks(server.node())) continue;
    trace.members[server.node()].set_is_server(true);
  }
  for (const MicroBatchRange& worker : job.plan()->workers()) {
    trace.members[worker.node()].set_is_server(false);
  }
  for (auto& [node, member] : trace.members) {
    member.set_node(node);
    if (const Trace* other = ActiveOn(node)) {
      return absl::FailedPreconditionError(absl::StrCat(
          NameOf(member), " records a trace of job ", other->job_name,
          " already, up to step ", other->order.end_step() - 1,
          "; wait until that is written, or ", kAbandoned / absl::Seconds(1),
          " seconds if nobody waits for it any more"));
    }
  }
  if (traces_.size() >= limits_.traces && !DropOldest()) {
    return absl::ResourceExhaustedError(absl::StrCat(
        limits_.traces, " traces are being recorded; wait for one of them"));
  }
  const uint64_t number = next_number_++;
  trace.order.set_trace(number);
  trace.order.set_job(job.id());
  trace.order.set_first_step(first);
  trace.order.set_end_step(std::min(first + steps, total));
  trace.job_name = job.name();
  trace.deadline = now + kAbandoned;
  for (const auto& [node, member] : trace.members) news_.insert(node);
  StartTraceResponse response;
  response.set_trace(number);
  response.set_first_step(first);
  response.set_steps(static_cast<uint32_t>(trace.order.end_step() - first));
  traces_[number] = std::move(trace);
  return response;
}

absl::StatusOr<const Traces::Trace*> Traces::Find(uint64_t trace) const {
  const auto found = traces_.find(trace);
  if (found == traces_.end()) return NoSuchTrace(trace);
  return &found->second;
}

absl::Status Traces::Renew(uint64_t trace, absl::Time now) {
  const auto found = traces_.find(trace);
  if (found == traces_.end()) return NoSuchTrace(trace);
  if (found->second.state == RECORDING) {
    found->second.deadline = now + kAbandoned;
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Traces::JobOf(uint64_t trace) const {
  ASSIGN_OR_RETURN(const Trace* found, Find(trace));
  return found->order.job();
}

bool Traces::IsCollected(uint64_t trace) const {
  const auto found = Find(trace);
  return found.ok() && (*found)->state == COLLECTED;
}

absl::Status Traces::Read(uint64_t trace, uint32_t part,
                          GetTraceResponse* response) const {
  ASSIGN_OR_RETURN(const Trace* found, Find(trace));
  response->set_state(found->state);
  for (const auto& [node, member] : found->members) {
    *response->add_members() = member;
  }
  if (found->state != COLLECTED) return absl::OkStatus();
  response->set_parts(static_cast<uint32_t>(found->parts.size()));
  if (part >= found->parts.size()) return absl::OkStatus();
  response->set_node(found->parts[part].node);
  *response->mutable_spans() = found->parts[part].request.spans();
  return absl::OkStatus();
}

// --- Members ---------------------------------------------------------------

const Traces::Trace* Traces::ActiveOn(uint64_t node) const {
  for (const auto& [number, trace] : traces_) {
    if (trace.state == COLLECTED) continue;
    const auto member = trace.members.find(node);
    if (member == trace.members.end()) continue;
    const bool is_over =
        member->second.complete() || !member->second.missing().empty();
    if (!is_over) return &trace;
  }
  return nullptr;
}

TraceOrder Traces::OrderFor(uint64_t node) const {
  const Trace* trace = ActiveOn(node);
  return trace == nullptr ? TraceOrder() : trace->order;
}

absl::Status Traces::Add(const AddSpansRequest& request) {
  const auto found = traces_.find(request.trace());
  if (found == traces_.end()) return NoSuchTrace(request.trace());
  Trace& trace = found->second;
  const auto member = trace.members.find(request.node());
  if (member == trace.members.end() || !member->second.missing().empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("node ", request.node(),
                     " is not (any more) one of trace ", request.trace()));
  }
  uint32_t& next = trace.next_part[request.node()];
  if (request.part() < next) return absl::OkStatus();  // a repeat
  if (request.part() > next) {
    return absl::FailedPreconditionError(absl::StrCat(
        "part ", request.part(), " of trace ", request.trace(), " from node ",
        request.node(), " came before part ", next));
  }
  if (!request.missing().empty()) {
    member->second.set_missing(request.missing());
    return absl::OkStatus();
  }
  const size_t bytes = request.ByteSizeLong();
  while (bytes_ + bytes > limits_.bytes && DropOldest()) {
  }
  ++next;
  if (bytes_ + bytes > limits_.bytes) {
    member->second.set_dropped(member->second.dropped() +
                               static_cast<uint64_t>(request.spans_size()));
  } else if (request.spans_size() != 0) {
    bytes_ += bytes;
    trace.bytes += bytes;
    trace.parts.push_back({request.node(), request});
  }
  if (request.last()) {
    member->second.set_complete(true);
    member->second.set_dropped(member->second.dropped() + request.dropped());
    member->second.set_clock_offset_ns(request.clock_offset_ns());
    member->second.set_clock_error_ns(request.clock_error_ns());
  }
  return absl::OkStatus();
}

bool Traces::DropOldest() {
  for (auto it = traces_.begin(); it != traces_.end(); ++it) {
    if (it->second.state != COLLECTED) continue;
    bytes_ -= it->second.bytes;
    news_.insert(it->second.order.job());
    traces_.erase(it);
    return true;
  }
  return false;
}

// --- What follows ----------------------------------------------------------

void Traces::Follow(const ClusterState& cluster, absl::Time now) {
  for (auto& [number, trace] : traces_) {
    if (trace.state == COLLECTED) continue;
    for (auto& [node, member] : trace.members) {
      if (member.complete() || !member.missing().empty()) continue;
      if (cluster.OrdersVersion(node).ok()) continue;
      member.set_missing("left the cluster while it recorded");
    }
    if (trace.state == RECORDING) {
      const auto job = cluster.FindJob(trace.job_name);
      const bool is_over = !job.ok() || (*job)->id() != trace.order.job() ||
                           (*job)->ended() ||
                           (*job)->progress().step() >= trace.order.end_step();
      if (is_over || trace.deadline <= now) Collect(&trace, now);
    }
    if (trace.state == COLLECTING) {
      const bool all = std::all_of(
          trace.members.begin(), trace.members.end(), [](const auto& entry) {
            return entry.second.complete() || !entry.second.missing().empty();
          });
      if (all || trace.deadline <= now) {
        Finish(&trace, absl::StrCat("did not send its spans within ",
                                    kCollect / absl::Seconds(1), " seconds"));
      }
    }
  }
}

void Traces::Collect(Trace* trace, absl::Time now) {
  trace->state = COLLECTING;
  trace->order.set_collect(true);
  trace->deadline = now + kCollect;
  for (const auto& [node, member] : trace->members) news_.insert(node);
}

void Traces::Finish(Trace* trace, const std::string& why_missing) {
  trace->state = COLLECTED;
  for (auto& [node, member] : trace->members) {
    news_.insert(node);
    if (!member.complete() && member.missing().empty()) {
      member.set_missing(why_missing);
    }
  }
  news_.insert(trace->order.job());
}

absl::Time Traces::NextDeadline() const {
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [number, trace] : traces_) {
    if (trace.state != COLLECTED) next = std::min(next, trace.deadline);
  }
  return next;
}

}  // namespace hawser
