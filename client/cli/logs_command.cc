#include "client/cli/logs_command.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/cli/describe.h"
#include "client/cli/exit_code.h"
#include "client/cli/interruption.h"
#include "client/cli/patience.h"
#include "client/control/grpc_member_log_client.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint32_t kLookMs = 200;

struct LogsFlags {
  std::string job;
  bool follow = false;
  bool members = false;
};

// Of the job's story, or of a member's log.
struct Line {
  int64_t unix_ms = 0;
  std::string source;
  std::string level;  // of a member's
  std::optional<uint64_t> step;
  std::string text;
};

void PrintLine(const Line& line, bool as_json) {
  const std::string time =
      absl::FormatTime(absl::RFC3339_sec, absl::FromUnixMillis(line.unix_ms),
                       absl::UTCTimeZone());
  if (as_json) {
    Json json = {{"time", time}, {"source", line.source}};
    if (!line.level.empty()) json["level"] = line.level;
    if (line.step.has_value()) json["step"] = *line.step;
    json["text"] = line.text;
    Print(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    return;
  }
  const bool is_plain = line.level.empty() || line.level == "info";
  Print(absl::StrCat(
      time, " ", line.source, ": ", is_plain ? "" : line.level + ": ",
      line.step.has_value() ? absl::StrCat("step ", *line.step, ": ") : "",
      line.text, "\n"));
}

// Reads on from where the last call ended.
class MemberLogs {
 public:
  // Empty: no job's.
  explicit MemberLogs(std::unique_ptr<MemberLogClient> client)
      : client_(std::move(client)) {}

  void Add(const std::string& job, std::vector<Line>* lines) {
    if (client_ == nullptr) return;
    request_.set_job(job);
    const auto more = client_->GetLines(request_);
    // The story is there without them, and may have the reason.
    if (!more.ok()) return;
    for (const MemberLine& line : more->lines()) {
      Line& added = lines->emplace_back();
      added.unix_ms = line.unix_ms();
      added.source = line.source();
      added.level = line.level();
      if (line.has_step()) added.step = line.step();
      added.text = line.text();
    }
    request_.set_first_line(more->next_line());
  }

 private:
  const std::unique_ptr<MemberLogClient> client_;
  GetLinesRequest request_;
};

int ShowLogs(const CommandLine& line, const LogsFlags& flags) {
  CatchInterruptions();
  const auto scheduler = ConnectToScheduler(line);
  MemberLogs members(flags.members ? MakeGrpcMemberLogClient(
                                         SchedulerAddress(line), line.caller)
                                   : nullptr);
  GetJobLogRequest request;
  request.set_name(flags.job);
  GetJobRequest look;
  look.set_name(flags.job);
  look.set_wait_ms(kLookMs);
  Patience patience;
  for (;;) {
    const auto job = scheduler->GetJob(look);
    if (Interrupted()) return kInterrupted;
    if (patience.TriesAgain(job.status())) continue;
    if (!job.ok()) return Fail(job.status());
    const auto log = scheduler->GetJobLog(request);
    if (patience.TriesAgain(log.status())) continue;
    if (!log.ok()) return Fail(log.status());
    std::vector<Line> lines;
    for (const LogLine& entry : log->lines()) {
      lines.push_back(
          {entry.unix_ms(), entry.source(), "", std::nullopt, entry.text()});
    }
    members.Add(flags.job, &lines);
    std::stable_sort(
        lines.begin(), lines.end(),
        [](const Line& a, const Line& b) { return a.unix_ms < b.unix_ms; });
    for (const Line& one : lines) PrintLine(one, line.json());
    request.set_first_line(log->next_line());
    if (Interrupted()) return kInterrupted;
    if (!flags.follow || IsFinal(job->status().state())) return kDone;
    look.set_newer_than_revision(job->status().revision());
  }
}

}  // namespace

void AddLogsCommand(CommandLine* line) {
  auto flags = std::make_shared<LogsFlags>();
  CLI::App* logs =
      line->app.add_subcommand("logs", "show what happened to a job");
  logs->add_option("NAME", flags->job, "the job's name")->required();
  logs->add_flag("-f,--follow", flags->follow, "until the job ends");
  logs->add_flag("-m,--members", flags->members,
                 "and what its servers and workers logged about it");
  logs->callback([line, flags] {
    line->verb = [line, flags] { return ShowLogs(*line, *flags); };
  });
}

}  // namespace hawser
