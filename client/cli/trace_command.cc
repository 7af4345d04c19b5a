// hawser trace NAME: records a few steps of a running job, writes them for
// chrome://tracing and ui.perfetto.dev, and says where the time went.
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/command_line.h"
#include "client/cli/describe_trace.h"
#include "client/cli/exit_code.h"
#include "client/cli/interruption.h"
#include "client/trace/chrome_trace.h"
#include "client/trace/collected_trace.h"
#include "client/trace/step_shares.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

constexpr uint32_t kLookMs = 200;
// Text that is written at a time.
constexpr size_t kPiece = 1 << 20;

struct TraceFlags {
  std::string name;
  uint32_t steps = 3;
  std::string to;
};

void Say(const std::string& text) {
  std::fprintf(stderr, "hawser: %s\n", text.c_str());
}

// The last answer; CANCELLED: by Ctrl-C.
absl::StatusOr<GetTraceResponse> AwaitEnd(SchedulerClient* scheduler,
                                          uint64_t trace) {
  GetTraceRequest request;
  request.set_trace(trace);
  request.set_wait_ms(kLookMs);
  for (;;) {
    ASSIGN_OR_RETURN(GetTraceResponse response, scheduler->GetTrace(request));
    if (response.state() == COLLECTED) return response;
    if (Interrupted()) return absl::CancelledError("interrupted");
  }
}

// Where they run; what the scheduler does not know (any more) stays empty.
void NamePlaces(const ListNodesResponse& nodes, CollectedTrace* trace) {
  for (CollectedTrace::Member& member : trace->members) {
    for (const NodeStatus& node : nodes.nodes()) {
      if (node.node() != member.info.node()) continue;
      member.info.set_host(node.host());
      member.info.set_process(node.process());
    }
  }
}

absl::StatusOr<CollectedTrace> Collect(SchedulerClient* scheduler,
                                       const TraceFlags& flags) {
  StartTraceRequest start;
  start.set_name(flags.name);
  start.set_steps(flags.steps);
  ASSIGN_OR_RETURN(const StartTraceResponse started,
                   scheduler->StartTrace(start));
  Say(absl::StrCat("records ", started.steps(), " steps of job ", flags.name,
                   ", from step ", started.first_step(), " on",
                   started.steps() < flags.steps ? ": then it ends" : ""));
  // Now: one of them may be gone when the trace is there.
  ASSIGN_OR_RETURN(const ListNodesResponse nodes,
                   scheduler->ListNodes(ListNodesRequest()));
  CollectedTrace trace;
  trace.job = flags.name;
  trace.first_step = started.first_step();
  trace.steps = started.steps();
  ASSIGN_OR_RETURN(const GetTraceResponse end,
                   AwaitEnd(scheduler, started.trace()));
  for (const TraceMember& member : end.members()) {
    trace.members.push_back({member, {}});
  }
  NamePlaces(nodes, &trace);
  GetTraceRequest request;
  request.set_trace(started.trace());
  for (uint32_t part = 0; part < end.parts(); ++part) {
    request.set_part(part);
    ASSIGN_OR_RETURN(const GetTraceResponse read, scheduler->GetTrace(request));
    for (CollectedTrace::Member& member : trace.members) {
      if (member.info.node() != read.node()) continue;
      for (const Span& span : read.spans()) {
        member.spans.push_back(FromProto(span));
      }
    }
  }
  GetJobRequest job;
  job.set_name(flags.name);
  job.set_with_plan(true);
  ASSIGN_OR_RETURN(const GetJobResponse found, scheduler->GetJob(job));
  trace.plan = found.status().plan();
  PlaceSpans(&trace);
  return trace;
}

absl::Status WriteToStdout(const CollectedTrace& trace) {
  return WriteChromeTrace(trace, [](absl::string_view text) {
    const bool written =
        std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
    return written ? absl::OkStatus() : SystemError("write", "stdout");
  });
}

absl::Status WriteToFile(const CollectedTrace& trace, const std::string& path) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  std::string piece;
  RETURN_IF_ERROR(WriteChromeTrace(trace, [&](absl::string_view text) {
    absl::StrAppend(&piece, text);
    if (piece.size() < kPiece) return absl::OkStatus();
    const absl::Status status = file.Append(piece);
    piece.clear();
    return status;
  }));
  RETURN_IF_ERROR(file.Append(piece));
  return file.Commit();
}

void PrintShares(const CommandLine& line, const TraceFlags& flags,
                 const CollectedTrace& trace,
                 const std::vector<std::string>& gaps) {
  const StepShares shares = SharesOf(trace);
  if (!line.json()) {
    const std::string text = SharesText(shares);
    // Data goes to stdout, which may be the trace's.
    std::fputs(text.c_str(), flags.to == "-" ? stderr : stdout);
    return;
  }
  nlohmann::ordered_json json = {{"name", flags.name},
                                 {"file", flags.to},
                                 {"first_step", trace.first_step},
                                 {"steps", trace.steps}};
  json.update(ToJson(shares));
  json["gaps"] = gaps;
  PrintJson(json);
}

int RunTrace(const CommandLine& line, TraceFlags flags) {
  if (flags.to.empty()) flags.to = flags.name + ".trace.json";
  if (flags.to == "-" && line.json()) {
    Fail(absl::InvalidArgumentError(
        "--to - and -o json both want stdout; name a file with --to"));
    return kUsage;
  }
  CatchInterruptions();
  const auto scheduler = ConnectToScheduler(line);
  const auto trace = Collect(scheduler.get(), flags);
  if (absl::IsCancelled(trace.status())) return kInterrupted;
  if (!trace.ok()) return Fail(trace.status());
  const absl::Status written =
      flags.to == "-" ? WriteToStdout(*trace) : WriteToFile(*trace, flags.to);
  if (!written.ok()) {
    Fail(written);
    return kJobFailed;
  }
  const std::vector<std::string> gaps = Gaps(*trace);
  for (const std::string& gap : gaps) Say(gap);
  PrintShares(line, flags, *trace, gaps);
  if (flags.to != "-") {
    Say(absl::StrCat("wrote ", flags.to,
                     "; open it in https://ui.perfetto.dev or "
                     "chrome://tracing"));
  }
  return kDone;
}

}  // namespace

void AddTraceCommand(CommandLine* line) {
  auto flags = std::make_shared<TraceFlags>();
  CLI::App* verb = line->app.add_subcommand(
      "trace", "record a few steps of a running job: where does the time go?");
  verb->add_option("NAME", flags->name, "name of the job")->required();
  verb->add_option("--steps", flags->steps, "how many steps")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  verb->add_option("--to", flags->to,
                   "file for chrome://tracing and ui.perfetto.dev; - for "
                   "stdout (default: NAME.trace.json)");
  verb->callback([line, flags] {
    line->verb = [line, flags] { return RunTrace(*line, *flags); };
  });
}

}  // namespace hawser
