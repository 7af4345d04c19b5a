// hawser submit, jobs, job, watch, logs, cancel, wait: jobs of a cluster.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/command_line.h"
#include "client/cli/describe.h"
#include "client/cli/exit_code.h"
#include "client/cli/interruption.h"
#include "client/cli/watch.h"
#include "common/job/job_file.h"
#include "common/job/job_rules.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint32_t kLookMs = 200;

struct JobFlags {
  std::string argument;  // a job file or name
  bool watch = false;
  bool placement = false;
  bool follow = false;
  std::string wait_for = "succeeded";
  double timeout_seconds = 0;
};

int Watch(const CommandLine& line, SchedulerClient* scheduler,
          const std::string& name) {
  CatchInterruptions();
  const auto job = WatchJob(scheduler, name, [] { return absl::OkStatus(); });
  if (absl::IsCancelled(job.status())) {
    std::fprintf(stderr,
                 "hawser: detached; the job goes on. Come back with `hawser "
                 "watch %s`\n",
                 name.c_str());
    return kInterrupted;
  }
  if (!job.ok()) return Fail(job.status());
  return ReportEnd(*job, line.json());
}

int Submit(const CommandLine& line, const JobFlags& flags) {
  const auto job = ReadJobFile(flags.argument);
  if (!job.ok()) {
    Fail(job.status());
    return kUsage;
  }
  const auto complete = CompleteJob(*job);
  if (!complete.ok()) return Fail(complete.status());
  const auto scheduler = ConnectToScheduler(line);
  SubmitJobRequest request;
  *request.mutable_spec() = *complete;
  const auto response = scheduler->SubmitJob(request);
  if (!response.ok()) return Fail(response.status());
  if (flags.watch) return Watch(line, scheduler.get(), response->name());
  if (line.json()) {
    PrintJson(Json({{"name", response->name()}, {"job", response->job()}}));
  } else {
    Print(absl::StrCat("job ", response->name(), " accepted\n"));
  }
  return kDone;
}

int ListJobs(const CommandLine& line) {
  const auto jobs = ConnectToScheduler(line)->ListJobs(ListJobsRequest());
  if (!jobs.ok()) return Fail(jobs.status());
  if (!line.json()) {
    Print(JobTable(*jobs));
    return kDone;
  }
  Json json = Json::array();
  for (const JobStatus& job : jobs->jobs()) json.push_back(ToJson(job));
  PrintJson(json);
  return kDone;
}

int ShowJob(const CommandLine& line, const JobFlags& flags) {
  GetJobRequest request;
  request.set_name(flags.argument);
  request.set_with_plan(flags.placement);
  const auto response = ConnectToScheduler(line)->GetJob(request);
  if (!response.ok()) return Fail(response.status());
  const JobStatus& job = response->status();
  if (line.json()) {
    Json json = ToJson(job);
    if (flags.placement) {
      json["placement"] = Json::array();
      for (const Block& block : job.plan().blocks()) {
        json["placement"].push_back(
            {{"block", block.id()},
             {"offset", block.offset()},
             {"elements", block.elements()},
             {"server",
              job.plan().servers(static_cast<int>(block.server())).node()}});
      }
    }
    PrintJson(json);
  } else {
    Print(JobText(job) + (flags.placement ? PlacementText(job) : ""));
  }
  return kDone;
}

int ShowLogs(const CommandLine& line, const JobFlags& flags) {
  CatchInterruptions();
  const auto scheduler = ConnectToScheduler(line);
  GetJobLogRequest request;
  request.set_name(flags.argument);
  GetJobRequest look;
  look.set_name(flags.argument);
  look.set_wait_ms(kLookMs);
  for (;;) {
    const auto job = scheduler->GetJob(look);
    if (!job.ok()) return Fail(job.status());
    const auto log = scheduler->GetJobLog(request);
    if (!log.ok()) return Fail(log.status());
    for (const LogLine& entry : log->lines()) {
      const std::string time = absl::FormatTime(
          absl::RFC3339_sec, absl::FromUnixMillis(entry.unix_ms()),
          absl::UTCTimeZone());
      if (line.json()) {
        Print(Json({{"time", time},
                    {"source", entry.source()},
                    {"text", entry.text()}})
                  .dump() +
              "\n");
      } else {
        Print(
            absl::StrCat(time, " ", entry.source(), ": ", entry.text(), "\n"));
      }
    }
    request.set_first_line(log->next_line());
    if (Interrupted()) return kInterrupted;
    if (!flags.follow || IsFinal(job->status().state())) return kDone;
    look.set_newer_than_revision(job->status().revision());
  }
}

int Cancel(const CommandLine& line, const JobFlags& flags) {
  CancelJobRequest request;
  request.set_name(flags.argument);
  const auto response = ConnectToScheduler(line)->CancelJob(request);
  if (!response.ok()) return Fail(response.status());
  if (line.json()) {
    PrintJson(Json({{"name", flags.argument}, {"cancelled", true}}));
  } else {
    Print(absl::StrCat("job ", flags.argument, " is cancelled\n"));
  }
  return kDone;
}

int Wait(const CommandLine& line, const JobFlags& flags) {
  JobState wanted = JOB_STATE_UNSPECIFIED;
  if (!JobState_Parse(absl::AsciiStrToUpper(flags.wait_for), &wanted) ||
      wanted == JOB_STATE_UNSPECIFIED) {
    Fail(absl::InvalidArgumentError(absl::StrCat(
        "--for is ", flags.wait_for,
        "; it must be one of queued, starting, running, finishing, succeeded, "
        "failed, cancelled")));
    return kUsage;
  }
  if (!std::isfinite(flags.timeout_seconds) || flags.timeout_seconds < 0) {
    Fail(absl::InvalidArgumentError(
        absl::StrCat("--timeout is ", flags.timeout_seconds,
                     "; it must be a number of seconds, or 0 for no limit")));
    return kUsage;
  }
  CatchInterruptions();
  const auto scheduler = ConnectToScheduler(line);
  const absl::Time limit =
      flags.timeout_seconds > 0
          ? absl::Now() + absl::Seconds(flags.timeout_seconds)
          : absl::InfiniteFuture();
  GetJobRequest request;
  request.set_name(flags.argument);
  request.set_wait_ms(kLookMs);
  for (;;) {
    const auto response = scheduler->GetJob(request);
    if (!response.ok()) return Fail(response.status());
    const JobStatus& job = response->status();
    // States rise; a job that has passed the one waited for has reached it.
    const bool reached =
        job.state() == wanted ||
        (!IsFinal(wanted) && job.state() > wanted && !IsFinal(job.state()));
    if (reached || IsFinal(job.state())) {
      if (line.json()) PrintJson(ToJson(job));
      if (!reached && !line.json()) {
        std::fprintf(stderr, "hawser: job %s is %s%s%s\n", job.name().c_str(),
                     StateName(job.state()).c_str(),
                     job.reason().empty() ? "" : ": ", job.reason().c_str());
      }
      return reached ? kDone : kJobFailed;
    }
    if (Interrupted()) return kInterrupted;
    if (absl::Now() >= limit) {
      return Fail(absl::DeadlineExceededError(
          absl::StrCat("job ", job.name(), " is still ", StateName(job.state()),
                       " after ", DurationText(flags.timeout_seconds))));
    }
    request.set_newer_than_revision(job.revision());
  }
}

}  // namespace

void AddJobCommands(CommandLine* line) {
  auto flags = std::make_shared<JobFlags>();
  const auto add = [line, flags](
                       const std::string& name, const std::string& help,
                       int (*act)(const CommandLine&, const JobFlags&)) {
    CLI::App* verb = line->app.add_subcommand(name, help);
    verb->callback([line, flags, act] {
      line->verb = [line, flags, act] { return act(*line, *flags); };
    });
    return verb;
  };
  const auto add_with_name = [&](const std::string& name,
                                 const std::string& help, auto act) {
    CLI::App* verb = add(name, help, act);
    verb->add_option("NAME", flags->argument, "name of the job")->required();
    return verb;
  };

  CLI::App* submit =
      add("submit",
          "hand a job to the cluster; its data directory is below the workers' "
          "data root",
          Submit);
  submit
      ->add_option("JOB", flags->argument, "job file: .textproto, .json, .yaml")
      ->required();
  submit->add_flag("--watch", flags->watch, "and watch it");
  add("jobs", "list the jobs",
      [](const CommandLine& line, const JobFlags&) { return ListJobs(line); });
  add_with_name("job", "show one job", ShowJob)
      ->add_flag("--placement", flags->placement,
                 "and which server holds which block");
  add_with_name("watch", "follow a job until it ends; Ctrl-C detaches",
                [](const CommandLine& line, const JobFlags& flags) {
                  const auto scheduler = ConnectToScheduler(line);
                  return Watch(line, scheduler.get(), flags.argument);
                });
  add_with_name("logs", "show what happened to a job", ShowLogs)
      ->add_flag("-f,--follow", flags->follow, "until the job ends");
  add_with_name("cancel", "cancel a job", Cancel);
  CLI::App* wait =
      add_with_name("wait", "wait until a job has reached a state", Wait);
  wait->add_option("--for", flags->wait_for, "the state")
      ->capture_default_str();
  wait->add_option("--timeout", flags->timeout_seconds,
                   "give up after so many seconds (0: never)")
      ->capture_default_str();
}

}  // namespace hawser
