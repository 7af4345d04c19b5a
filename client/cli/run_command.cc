// hawser run JOB: a whole local cluster for one job, and nothing left after it
// but, of a `personalise`, what its scheduler knows of the users that are done.
#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/command_line.h"
#include "client/cli/data_paths.h"
#include "client/cli/exit_code.h"
#include "client/cli/interruption.h"
#include "client/cli/local_cluster.h"
#include "client/cli/note_dashboard.h"
#include "client/cli/start_checkpoint.h"
#include "client/cli/user_directory.h"
#include "client/cli/watch.h"
#include "client/cli/watch_users.h"
#include "client/control/grpc_scheduler_client.h"
#include "common/files.h"
#include "common/job/job_file.h"
#include "common/job/job_rules.h"
#include "common/job/personalise.h"
#include "common/job/rules/codec_rules.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

struct RunFlags {
  std::string job_file;
  std::optional<int64_t> workers;
  std::optional<int64_t> servers;
  std::optional<int64_t> threads;
  std::vector<std::string> devices;
  std::string data_root;
  std::string output_root = "hawser-output";
  std::string from;
  bool keep_logs = false;
  bool no_dashboard = false;
};

absl::Status Override(absl::string_view flag, std::optional<int64_t> value,
                      int64_t most, void (ResourcesSpec::*set)(uint32_t),
                      ResourcesSpec* resources) {
  if (!value.has_value()) return absl::OkStatus();
  if (*value < 1 || *value > most) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag, " is ", *value, "; it must be 1 to ", most));
  }
  (resources->*set)(static_cast<uint32_t>(*value));
  return absl::OkStatus();
}

// The job file, and the jobs that it stands for.
struct JobFile {
  JobSpec spec;
  std::vector<JobSpec> jobs;
};

absl::StatusOr<JobFile> ReadJobs(const RunFlags& flags) {
  ASSIGN_OR_RETURN(JobSpec job, ReadJobFile(flags.job_file));
  if (!flags.from.empty()) {
    ASSIGN_OR_RETURN(*job.mutable_from()->mutable_checkpoint(),
                     FindStartCheckpoint(flags.from, flags.output_root));
  }
  Note(NoteOnCodecs(job));
  // --workers changes no bit of the result.
  SetSumsPerStep(&job);
  ResourcesSpec* resources = job.mutable_resources();
  RETURN_IF_ERROR(Override("workers", flags.workers, 10000,
                           &ResourcesSpec::set_workers, resources));
  RETURN_IF_ERROR(Override("servers", flags.servers, 1000,
                           &ResourcesSpec::set_servers, resources));
  RETURN_IF_ERROR(Override("threads", flags.threads, 1024,
                           &ResourcesSpec::set_threads_per_worker, resources));
  // Without a root of its own, data is found from the current directory.
  if (flags.data_root.empty()) {
    MakeDataPathsAbsolute(std::filesystem::current_path(), &job);
  }
  RETURN_IF_ERROR(FillInUsers(flags.data_root, &job));
  ASSIGN_OR_RETURN(std::vector<JobSpec> jobs, JobsOf(job));
  return JobFile{std::move(job), std::move(jobs)};
}

LocalCluster::Options ClusterFor(const RunFlags& flags, const JobFile& file) {
  const JobSpec& job = file.jobs.front();
  LocalCluster::Options options;
  options.servers = job.resources().servers();
  options.workers = job.resources().workers();
  options.devices = flags.devices;
  options.data_root = flags.data_root.empty() ? "/" : flags.data_root;
  options.output_root = flags.output_root;
  options.keep_logs = flags.keep_logs;
  options.dashboard = !flags.no_dashboard;
  if (IsPersonalise(file.spec)) {
    options.workers *= std::min(job.personalise().at_once(),
                                static_cast<uint32_t>(file.jobs.size()));
    options.state_directory =
        absl::StrCat(flags.output_root, "/", file.spec.name(), ".state");
  }
  return options;
}

absl::StatusOr<std::vector<JobStatus>> RunJobs(const JobSpec& spec,
                                               LocalCluster* cluster) {
  const auto scheduler = MakeGrpcSchedulerClient(cluster->scheduler_address());
  const auto check = [cluster] { return cluster->CheckForJob(); };
  SubmitJobRequest submit;
  *submit.mutable_spec() = spec;
  const auto submitted = scheduler->SubmitJob(submit);
  if (IsPersonalise(spec)) {
    if (absl::IsAlreadyExists(submitted.status())) {
      return absl::AlreadyExistsError(
          absl::StrCat(submitted.status().message(), ", or remove ",
                       cluster->log_directory(), " to begin anew"));
    }
    RETURN_IF_ERROR(submitted.status());
    if (submitted->users_kept() > 0) {
      std::fprintf(stderr, "%u users were done or under way already\n",
                   submitted->users_kept());
    }
    return WatchUsers(scheduler.get(), spec.name(), check);
  }
  RETURN_IF_ERROR(submitted.status());
  auto status = WatchJob(scheduler.get(), spec.name(), check);
  if (absl::IsCancelled(status.status())) {
    CancelJobRequest cancel;
    cancel.set_name(spec.name());
    scheduler->CancelJob(cancel).IgnoreError();
  }
  RETURN_IF_ERROR(status.status());
  return std::vector<JobStatus>{*std::move(status)};
}

int Report(const JobSpec& spec, const std::vector<JobStatus>& ended,
           bool json) {
  return IsPersonalise(spec) ? ReportUsers(spec.name(), ended, json)
                             : ReportEnd(ended.front(), json);
}

int Run(const CommandLine& line, const RunFlags& flags) {
  const auto file = ReadJobs(flags);
  if (!file.ok()) {
    Fail(file.status());
    return kUsage;
  }
  CatchInterruptions();
  auto cluster = LocalCluster::Start(ClusterFor(flags, *file));
  absl::Status failure = cluster.status();
  if (failure.ok()) {
    NoteDashboard((*cluster)->dashboard());
    const auto ended = RunJobs(file->spec, cluster->get());
    if (ended.ok()) {
      if (flags.keep_logs) {
        std::fprintf(stderr, "logs: %s\n", (*cluster)->log_directory().c_str());
      }
      cluster->reset();  // everything is stopped before the result is told
      return Report(file->spec, *ended, line.json());
    }
    failure = ended.status();
  }
  if (Interrupted()) {
    if (cluster.ok()) cluster->reset();
    std::fputs(IsPersonalise(file->spec)
                   ? "hawser: interrupted; run it again to go on with the "
                     "users that are not done\n"
                   : "hawser: interrupted; the job is cancelled and its "
                     "cluster stopped\n",
               stderr);
    return kInterrupted;
  }
  if (cluster.ok()) (*cluster)->KeepLogs();
  Fail(failure);
  return kJobFailed;
}

}  // namespace

void AddRunCommand(CommandLine* line) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App* verb = line->app.add_subcommand(
      "run",
      "run one job file on a local cluster of its own; with `personalise`, a "
      "job for each user, and once more for those that are not done");
  verb->add_option("JOB", flags->job_file, "job file: .textproto, .json, .yaml")
      ->required();
  verb->add_option("--workers", flags->workers, "instead of the job file's");
  verb->add_option("--servers", flags->servers, "instead of the job file's");
  verb->add_option("--threads", flags->threads,
                   "compute threads per worker, instead of the job file's");
  verb->add_option("--devices", flags->devices,
                   "what the workers compute on, in turn: cpu or cuda:N, with "
                   "commas between (default: cpu)")
      ->delimiter(',');
  verb->add_option("--data-root", flags->data_root,
                   "data directories are below this one (default: they are "
                   "found from the current directory)");
  verb->add_option("--output-root", flags->output_root,
                   "checkpoints go below this directory")
      ->capture_default_str();
  verb->add_option("--from", flags->from,
                   "NAME@STEP: start from that checkpoint in NAME below the "
                   "output root, instead of the job file's `from`; NAME: from "
                   "the newest");
  verb->add_flag("--no-dashboard", flags->no_dashboard,
                 "without the web page that shows the job");
  verb->add_flag("--keep-logs", flags->keep_logs,
                 "keep the logs of scheduler, servers and workers");
  verb->callback([line, flags] {
    line->verb = [line, flags] { return Run(*line, *flags); };
  });
}

}  // namespace hawser
