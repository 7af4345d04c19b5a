// hawser audit NAME: proves from the servers' histories that a job's
// synchronisation was what it promised.
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/audit/checker.h"
#include "client/audit/history.h"
#include "client/cli/command_line.h"
#include "client/cli/describe_audit.h"
#include "client/cli/exit_code.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

constexpr size_t kViolationsShown = 20;

struct AuditFlags {
  std::string name;
  std::string from;
};

struct Histories {
  std::string directory;
  int servers = 0;  // that there must be; 0: unknown
};

// Beside the job's checkpoints.
absl::StatusOr<Histories> FindHistories(const CommandLine& line,
                                        const AuditFlags& flags) {
  if (!flags.from.empty()) return Histories{.directory = flags.from};
  GetJobRequest request;
  request.set_name(flags.name);
  request.set_with_plan(true);
  ASSIGN_OR_RETURN(const GetJobResponse response,
                   ConnectToScheduler(line)->GetJob(request));
  const JobStatus& job = response.status();
  if (job.output().empty()) {
    return absl::NotFoundError(absl::StrCat(
        "job ", flags.name,
        " has no checkpoint yet, beside which its history would be; name the "
        "history's directory with --from"));
  }
  return Histories{
      .directory = std::filesystem::path(job.output()).parent_path() / "audit",
      .servers = job.plan().servers_size()};
}

absl::Status CheckThatAllAreThere(const Histories& histories,
                                  const AuditFlags& flags) {
  const auto files = HistoryFiles(histories.directory);
  if (absl::IsNotFound(files.status())) {
    return absl::NotFoundError(absl::StrCat(
        "there is no history of job ", flags.name, " in ", histories.directory,
        ": set `synchronisation { audit: true }` in the job file to have one; "
        "if there is one elsewhere, name its directory with --from"));
  }
  RETURN_IF_ERROR(files.status());
  const int there = static_cast<int>(files->back().server) + 1;
  if (there >= histories.servers) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(
      "job ", flags.name, " has ", histories.servers, " servers, but ",
      histories.directory, " has the histories of ", there,
      "; collect them in one directory and name it with --from"));
}

absl::StatusOr<AuditReport> Audit(const CommandLine& line,
                                  const AuditFlags& flags) {
  ASSIGN_OR_RETURN(const Histories histories, FindHistories(line, flags));
  RETURN_IF_ERROR(CheckThatAllAreThere(histories, flags));
  HistoryChecker checker(kViolationsShown);
  RETURN_IF_ERROR(ReadHistory(
      histories.directory, flags.name,
      [&checker](const RecordPlace& place, const AuditRecord& record) {
        return checker.Take(place, record);
      }));
  checker.Finish();
  return checker.report();
}

int RunAudit(const CommandLine& line, const AuditFlags& flags) {
  const auto report = Audit(line, flags);
  if (!report.ok()) {
    const int code = Fail(report.status());
    // 1 says that there are violations, and nothing else.
    return code == kJobFailed ? kUsage : code;
  }
  if (line.json()) {
    PrintJson(ToJson(*report));
  } else {
    Print(AuditText(*report));
  }
  return report->violations == 0 ? kDone : kJobFailed;
}

}  // namespace

void AddAuditCommand(CommandLine* line) {
  auto flags = std::make_shared<AuditFlags>();
  CLI::App* verb = line->app.add_subcommand(
      "audit",
      "prove from a job's history that its synchronisation was as promised");
  verb->add_option("NAME", flags->name, "name of the job")->required();
  verb->add_option("--from", flags->from,
                   "directory of the history (default: audit/ beside the "
                   "job's last checkpoint)");
  verb->footer(
      "Exit codes: 0 no violation, 1 violations, 2 the history is damaged, 4 "
      "no such\njob or no history.");
  verb->callback([line, flags] {
    line->verb = [line, flags] { return RunAudit(*line, *flags); };
  });
}

}  // namespace hawser
