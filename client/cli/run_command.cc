// hawser run JOB: a whole local cluster for one job, and nothing left after it.
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/command_line.h"
#include "client/cli/data_paths.h"
#include "client/cli/exit_code.h"
#include "client/cli/interruption.h"
#include "client/cli/local_cluster.h"
#include "client/cli/watch.h"
#include "client/control/grpc_scheduler_client.h"
#include "common/files.h"
#include "common/job/job_file.h"
#include "common/job/job_rules.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

struct RunFlags {
  std::string job_file;
  std::optional<int64_t> workers;
  std::optional<int64_t> servers;
  std::optional<int64_t> threads;
  std::string data_root;
  std::string output_root = "hawser-output";
  bool keep_logs = false;
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

absl::StatusOr<JobSpec> ReadJob(const RunFlags& flags) {
  ASSIGN_OR_RETURN(JobSpec job, ReadJobFile(flags.job_file));
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
  return CompleteJob(job);
}

absl::StatusOr<JobStatus> RunJob(const JobSpec& job, LocalCluster* cluster) {
  const auto scheduler = MakeGrpcSchedulerClient(cluster->scheduler_address());
  SubmitJobRequest submit;
  *submit.mutable_spec() = job;
  RETURN_IF_ERROR(scheduler->SubmitJob(submit).status());
  auto status = WatchJob(scheduler.get(), job.name(),
                         [cluster] { return cluster->CheckForJob(); });
  if (absl::IsCancelled(status.status())) {
    CancelJobRequest cancel;
    cancel.set_name(job.name());
    scheduler->CancelJob(cancel).IgnoreError();
  }
  return status;
}

int Run(const CommandLine& line, const RunFlags& flags) {
  const auto job = ReadJob(flags);
  if (!job.ok()) {
    Fail(job.status());
    return kUsage;
  }
  CatchInterruptions();
  LocalCluster::Options options;
  options.servers = job->resources().servers();
  options.workers = job->resources().workers();
  options.data_root = flags.data_root.empty() ? "/" : flags.data_root;
  options.output_root = flags.output_root;
  options.keep_logs = flags.keep_logs;
  auto cluster = LocalCluster::Start(options);
  absl::Status failure = cluster.status();
  if (failure.ok()) {
    const auto ended = RunJob(*job, cluster->get());
    if (ended.ok()) {
      if (flags.keep_logs) {
        std::fprintf(stderr, "logs: %s\n", (*cluster)->log_directory().c_str());
      }
      cluster->reset();  // everything is stopped before the result is told
      return ReportEnd(*ended, line.json());
    }
    failure = ended.status();
  }
  if (Interrupted()) {
    if (cluster.ok()) cluster->reset();
    std::fprintf(stderr,
                 "hawser: interrupted; the job is cancelled and its "
                 "cluster stopped\n");
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
      "run", "run one job on a local cluster of its own");
  verb->add_option("JOB", flags->job_file, "job file: .textproto, .json, .yaml")
      ->required();
  verb->add_option("--workers", flags->workers, "instead of the job file's");
  verb->add_option("--servers", flags->servers, "instead of the job file's");
  verb->add_option("--threads", flags->threads,
                   "compute threads per worker, instead of the job file's");
  verb->add_option("--data-root", flags->data_root,
                   "data directories are below this one (default: they are "
                   "found from the current directory)");
  verb->add_option("--output-root", flags->output_root,
                   "checkpoints go below this directory")
      ->capture_default_str();
  verb->add_flag("--keep-logs", flags->keep_logs,
                 "keep the logs of scheduler, servers and workers");
  verb->callback([line, flags] {
    line->verb = [line, flags] { return Run(*line, *flags); };
  });
}

}  // namespace hawser
