// hawser submit, jobs, job, watch, cancel, wait: jobs of a cluster.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/command_line.h"
#include "client/cli/describe.h"
#include "client/cli/describe_users.h"
#include "client/cli/exit_code.h"
#include "client/cli/interruption.h"
#include "client/cli/patience.h"
#include "client/cli/start_checkpoint.h"
#include "client/cli/user_directory.h"
#include "client/cli/watch.h"
#include "client/cli/watch_users.h"
#include "common/job/job_file.h"
#include "common/job/personalise.h"
#include "common/job/rules/codec_rules.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint32_t kLookMs = 200;

struct JobFlags {
  std::string argument;  // a job file or name
  std::string data_root;
  std::string from;
  bool watch = false;
  bool unless_exists = false;
  bool placement = false;
  std::string wait_for = "succeeded";
  double timeout_seconds = 0;
};

int Watch(const CommandLine& line, SchedulerClient* scheduler,
          const std::string& name) {
  CatchInterruptions();
  const auto go_on = [] { return absl::OkStatus(); };
  const auto job = WatchJob(scheduler, name, go_on);
  absl::Status status = job.status();
  if (absl::IsNotFound(status)) {
    const auto users = WatchUsers(scheduler, name, go_on);
    if (users.ok()) return ReportUsers(name, *users, line.json());
    status = users.status();
  }
  if (absl::IsCancelled(status)) {
    std::fprintf(stderr,
                 "hawser: detached; the job goes on. Come back with `hawser "
                 "watch %s`\n",
                 name.c_str());
    return kInterrupted;
  }
  if (!status.ok()) return Fail(status);
  return ReportEnd(*job, line.json());
}

std::string Accepted(const JobSpec& spec, const SubmitJobResponse& response) {
  if (!IsPersonalise(spec)) {
    return absl::StrCat("job ", response.name(), " accepted\n");
  }
  return absl::StrCat(response.name(), ": ", response.users_accepted(),
                      " users accepted",
                      response.users_kept() == 0
                          ? ""
                          : absl::StrCat(", ", response.users_kept(),
                                         " were done or under way already"),
                      "\n");
}

absl::Status SetFrom(const std::string& from, SchedulerClient* scheduler,
                     JobSpec* job) {
  if (from.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(*job->mutable_from()->mutable_checkpoint(),
                   FindStartCheckpoint(from, scheduler));
  return absl::OkStatus();
}

// Of a job that was there before.
int NotSubmitted(const CommandLine& line, const JobFlags& flags,
                 SchedulerClient* scheduler, const std::string& name) {
  if (flags.watch) return Watch(line, scheduler, name);
  if (line.json()) {
    PrintJson(Json({{"name", name}, {"exists", true}}));
  } else {
    Print(absl::StrCat("job ", name, " is there already\n"));
  }
  return kDone;
}

int Submit(const CommandLine& line, const JobFlags& flags) {
  auto job = ReadJobFile(flags.argument);
  if (!job.ok()) {
    Fail(job.status());
    return kUsage;
  }
  const auto scheduler = ConnectToScheduler(line);
  absl::Status status = SetFrom(flags.from, scheduler.get(), &*job);
  if (status.ok()) status = FillInUsers(flags.data_root, &*job);
  if (status.ok()) status = JobsOf(*job).status();
  if (!status.ok()) return Fail(status);
  SubmitJobRequest request;
  *request.mutable_spec() = *job;
  const auto response = scheduler->SubmitJob(request);
  if (flags.unless_exists && absl::IsAlreadyExists(response.status())) {
    return NotSubmitted(line, flags, scheduler.get(), job->name());
  }
  if (!response.ok()) return Fail(response.status());
  Note(NoteOnCodecs(*job));
  if (flags.watch) return Watch(line, scheduler.get(), response->name());
  if (line.json()) {
    Json json = {{"name", response->name()}, {"job", response->job()}};
    if (IsPersonalise(*job)) {
      json["users_accepted"] = response->users_accepted();
      json["users_kept"] = response->users_kept();
    }
    PrintJson(json);
  } else {
    Print(Accepted(*job, *response));
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
  const auto scheduler = ConnectToScheduler(line);
  const auto response = scheduler->GetJob(request);
  if (absl::IsNotFound(response.status())) {
    const auto users = FindUsers(scheduler.get(), flags.argument);
    if (!users.ok()) return Fail(users.status());
    ReportUsers(flags.argument, *users, line.json());
    return kDone;
  }
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

// The last first: none begins because one before it has been cancelled.
absl::Status CancelUsers(SchedulerClient* scheduler, const std::string& name) {
  ASSIGN_OR_RETURN(const std::vector<JobStatus> users,
                   FindUsers(scheduler, name));
  bool any = false;
  for (auto user = users.rbegin(); user != users.rend(); ++user) {
    if (IsFinal(user->state())) continue;
    CancelJobRequest request;
    request.set_name(user->name());
    const absl::Status status = scheduler->CancelJob(request).status();
    if (absl::IsFailedPrecondition(status)) continue;  // it has just ended
    RETURN_IF_ERROR(status);
    any = true;
  }
  if (any) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("all users of ", name, " have ended already"));
}

int Cancel(const CommandLine& line, const JobFlags& flags) {
  CancelJobRequest request;
  request.set_name(flags.argument);
  const auto scheduler = ConnectToScheduler(line);
  absl::Status status = scheduler->CancelJob(request).status();
  if (absl::IsNotFound(status)) {
    status = CancelUsers(scheduler.get(), flags.argument);
  }
  if (!status.ok()) return Fail(status);
  if (line.json()) {
    PrintJson(Json({{"name", flags.argument}, {"cancelled", true}}));
  } else {
    Print(absl::StrCat("job ", flags.argument, " is cancelled\n"));
  }
  return kDone;
}

// States rise; a job that has passed the one waited for has reached it.
bool HasReached(const JobStatus& job, JobState wanted) {
  return job.state() == wanted ||
         (!IsFinal(wanted) && job.state() > wanted && !IsFinal(job.state()));
}

// The job of this name, or the users' jobs of the job file of this name; after
// a while if nothing is new.
absl::StatusOr<std::vector<JobStatus>> LookAt(SchedulerClient* scheduler,
                                              const std::string& name,
                                              uint64_t newer_than_revision) {
  GetJobRequest request;
  request.set_name(name);
  request.set_newer_than_revision(newer_than_revision);
  request.set_wait_ms(kLookMs);
  const auto response = scheduler->GetJob(request);
  if (response.ok()) return std::vector<JobStatus>{response->status()};
  if (!absl::IsNotFound(response.status())) return response.status();
  absl::SleepFor(absl::Milliseconds(kLookMs));
  return FindUsers(scheduler, name);
}

int ReportWait(const CommandLine& line, const std::string& name,
               const std::vector<JobStatus>& jobs, JobState wanted,
               bool all_reached) {
  if (line.json()) {
    PrintJson(jobs.front().name() == name ? ToJson(jobs.front())
                                          : UsersToJson(name, jobs));
  } else {
    for (const JobStatus& job : jobs) {
      if (HasReached(job, wanted)) continue;
      std::fprintf(stderr, "hawser: job %s is %s%s%s\n", job.name().c_str(),
                   StateName(job.state()).c_str(),
                   job.reason().empty() ? "" : ": ", job.reason().c_str());
    }
  }
  return all_reached ? kDone : kJobFailed;
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
  uint64_t revision = 0;
  Patience patience;
  for (;;) {
    const auto jobs = LookAt(scheduler.get(), flags.argument, revision);
    if (absl::Now() < limit && !Interrupted() &&
        patience.TriesAgain(jobs.status())) {
      continue;
    }
    if (!jobs.ok()) return Fail(jobs.status());
    bool all_reached = true;
    const JobStatus* other = nullptr;  // that has not reached it yet
    for (const JobStatus& job : *jobs) {
      if (HasReached(job, wanted)) continue;
      all_reached = false;
      if (!IsFinal(job.state())) other = &job;
    }
    if (other == nullptr) {
      return ReportWait(line, flags.argument, *jobs, wanted, all_reached);
    }
    if (Interrupted()) return kInterrupted;
    if (absl::Now() >= limit) {
      return Fail(absl::DeadlineExceededError(absl::StrCat(
          "job ", other->name(), " is still ", StateName(other->state()),
          " after ", DurationText(flags.timeout_seconds))));
    }
    revision = jobs->front().revision();
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
  submit->add_option("--from", flags->from,
                     "NAME@STEP: start from that checkpoint of a job, instead "
                     "of the job file's `from`; NAME: from its newest");
  submit->add_flag("--watch", flags->watch, "and watch it");
  submit->add_flag("--unless-exists", flags->unless_exists,
                   "a job of this name is no error, whatever it is: nothing is "
                   "submitted, with --watch that one is watched");
  submit->add_option("--data-root", flags->data_root,
                     "where this machine sees the workers' data root, to list "
                     "the users of a `personalise` (default: found from the "
                     "current directory)");
  add("jobs", "list the jobs",
      [](const CommandLine& line, const JobFlags&) { return ListJobs(line); });
  add_with_name("job", "show one job, or the users of a `personalise`", ShowJob)
      ->add_flag("--placement", flags->placement,
                 "and which server holds which block");
  add_with_name("watch",
                "follow a job, or the users of a `personalise`, until the "
                "end; Ctrl-C detaches",
                [](const CommandLine& line, const JobFlags& flags) {
                  const auto scheduler = ConnectToScheduler(line);
                  return Watch(line, scheduler.get(), flags.argument);
                });
  add_with_name(
      "cancel",
      "cancel a job, or the users of a `personalise` that have not ended",
      Cancel);
  CLI::App* wait =
      add_with_name("wait",
                    "wait until a job, or all users of a `personalise`, have "
                    "reached a state",
                    Wait);
  wait->add_option("--for", flags->wait_for, "the state")
      ->capture_default_str();
  wait->add_option("--timeout", flags->timeout_seconds,
                   "give up after so many seconds (0: never)")
      ->capture_default_str();
}

}  // namespace hawser
