#include "client/cli/describe_users.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/describe.h"
#include "client/cli/table.h"
#include "common/job/figures.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

std::optional<Figures> FiguresOf(const Metrics& metrics, const JobStatus& job) {
  if (metrics.samples() == 0) return std::nullopt;
  return ValidationFigures(metrics, job.spec().model(), job.validation_bytes());
}

std::optional<Figures> Before(const JobStatus& job) {
  return FiguresOf(job.validation_before(), job);
}

std::optional<Figures> After(const JobStatus& job) {
  return FiguresOf(job.last_epoch().validation(), job);
}

struct Cells {
  std::string loss = "-";
  std::string perplexity = "-";
};

Cells CellsOf(const JobStatus& job) {
  const auto before = Before(job), after = After(job);
  if (!before.has_value() && !after.has_value()) return {};
  const auto loss = [](const std::optional<Figures>& figures) {
    return figures.has_value() ? absl::StrFormat("%.4f", figures->loss) : "-";
  };
  const auto perplexity = [](const std::optional<Figures>& figures) {
    return figures.has_value()
               ? absl::StrFormat("%.4g", figures->perplexity.value_or(0))
               : "-";
  };
  return {absl::StrCat(loss(before), " -> ", loss(after)),
          absl::StrCat(perplexity(before), " -> ", perplexity(after))};
}

size_t CountOf(const std::vector<JobStatus>& jobs, JobState state) {
  return static_cast<size_t>(std::count_if(
      jobs.begin(), jobs.end(),
      [state](const JobStatus& job) { return job.state() == state; }));
}

}  // namespace

std::vector<JobStatus> UsersOf(const std::string& name,
                               const ListJobsResponse& jobs) {
  std::vector<JobStatus> users;
  for (const JobStatus& job : jobs.jobs()) {
    if (job.spec().personalise().of() == name) users.push_back(job);
  }
  return users;
}

std::string UserLine(const JobStatus& job) {
  std::string line = absl::StrCat(job.spec().personalise().user(), " ",
                                  StateName(job.state()));
  if (!job.reason().empty()) absl::StrAppend(&line, ": ", job.reason());
  if (job.state() != SUCCEEDED) return line;
  const Cells cells = CellsOf(job);
  absl::StrAppend(&line, ": loss ", cells.loss, ", perplexity ",
                  cells.perplexity);
  return line;
}

std::string UserTable(const std::vector<JobStatus>& jobs) {
  std::vector<Row> rows = {
      {"USER", "JOB", "STATE", "LOSS", "PERPLEXITY", "CHECKPOINT OR REASON"}};
  for (const JobStatus& job : jobs) {
    const Cells cells = CellsOf(job);
    rows.push_back({job.spec().personalise().user(), job.name(),
                    StateName(job.state()), cells.loss, cells.perplexity,
                    job.reason().empty() ? job.output() : job.reason()});
  }
  return absl::StrCat(Table(rows), CountOf(jobs, SUCCEEDED), " of ",
                      jobs.size(), " users succeeded, ", CountOf(jobs, FAILED),
                      " failed\n");
}

Json UsersToJson(const std::string& name, const std::vector<JobStatus>& jobs) {
  Json users = Json::array();
  for (const JobStatus& job : jobs) {
    Json user = {{"user", job.spec().personalise().user()},
                 {"job", job.name()},
                 {"state", StateName(job.state())},
                 {"reason", job.reason()},
                 {"step", job.step()},
                 {"total_steps", job.total_steps()}};
    if (const auto before = Before(job)) user["before"] = ToJson(*before);
    if (const auto after = After(job)) user["after"] = ToJson(*after);
    user["seconds_running"] = job.seconds_running();
    user["output"] = job.output();
    if (IsFinal(job.state())) {
      user["parameters_sha256"] = job.parameters_sha256();
    }
    users.push_back(user);
  }
  return {{"name", name},
          {"succeeded", CountOf(jobs, SUCCEEDED)},
          {"failed", CountOf(jobs, FAILED)},
          {"cancelled", CountOf(jobs, CANCELLED)},
          {"users", users}};
}

}  // namespace hawser
