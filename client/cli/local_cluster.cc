#include "client/cli/local_cluster.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/interruption.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(2);
constexpr absl::Duration kStartLimit = absl::Seconds(20);
constexpr absl::Duration kStopLimit = absl::Seconds(3);
constexpr size_t kMaxLogBytes = 64 << 20;
constexpr size_t kLogLinesShown = 8;

std::string ProgramBeside(const std::string& name) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / name).string();
}

std::string LastLines(const std::string& path) {
  const auto text = ReadWholeFile(path, kMaxLogBytes);
  if (!text.ok()) return "";
  std::vector<std::string> lines =
      absl::StrSplit(*text, '\n', absl::SkipEmpty());
  if (lines.size() > kLogLinesShown) {
    lines.erase(lines.begin(), lines.end() - kLogLinesShown);
  }
  std::string last;
  for (const std::string& line : lines) absl::StrAppend(&last, "\n  ", line);
  return last;
}

// In the child: never returns.
[[noreturn]] void Become(const std::string& program, char* const* arguments,
                         int log, pid_t parent) {
  setpgid(0, 0);  // Ctrl-C in the terminal is the parent's alone
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it died before the line above
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) {
    std::signal(signal, SIG_DFL);
  }
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv(program.c_str(), arguments);
  dprintf(STDERR_FILENO, "cannot run %s: errno %d\n", program.c_str(), errno);
  _exit(127);
}

}  // namespace

std::string DashboardAddressFile(const std::string& directory) {
  return directory + "/dashboard.address";
}

absl::StatusOr<std::unique_ptr<LocalCluster>> LocalCluster::Start(
    const Options& options) {
  auto cluster = absl::WrapUnique(new LocalCluster(options));
  const absl::Status status = cluster->StartAll();
  if (status.ok()) return cluster;
  if (!absl::IsCancelled(status)) cluster->KeepLogs();
  return status;
}

LocalCluster::~LocalCluster() {
  StopAll();
  if (!temporary_ || keep_ || directory_.empty()) return;
  std::error_code error;
  std::filesystem::remove_all(directory_, error);
}

absl::Status LocalCluster::StartAll() {
  keep_ = options_.keep_logs;
  if (options_.state_directory.empty()) {
    const char* variable = std::getenv("TMPDIR");
    const std::string base =
        variable == nullptr || *variable == '\0' ? "/tmp" : variable;
    directory_ = absl::StrCat(base, "/hawser-XXXXXX");
    if (mkdtemp(directory_.data()) == nullptr) {
      directory_.clear();
      return SystemError("create a directory in", base);
    }
    temporary_ = true;
  } else {
    directory_ = options_.state_directory;
    RETURN_IF_ERROR(MakeDirectories(directory_));
  }
  unlink(PortFile().c_str());
  unlink(DashboardAddressFile(directory_).c_str());
  RETURN_IF_ERROR(Spawn("scheduler", "hawser-scheduler",
                        SchedulerArguments(options_.listen, "127.0.0.1:0")));
  RETURN_IF_ERROR(AwaitScheduler(PortFile()));
  if (options_.dashboard) {
    // It is there before the scheduler's own address is.
    ASSIGN_OR_RETURN(const std::string http,
                     ReadWholeFile(DashboardAddressFile(directory_), 4096));
    dashboard_ = absl::StrCat("http://", http);
  }
  for (uint32_t i = 0; i < options_.servers; ++i) {
    RETURN_IF_ERROR(
        Spawn(absl::StrCat("server-", i), "hawser-server",
              {"--scheduler", address_, "--data-root", options_.data_root,
               "--output-root", options_.output_root}));
  }
  for (uint32_t i = 0; i < options_.workers; ++i) {
    std::vector<std::string> arguments{"--scheduler", address_, "--data-root",
                                       options_.data_root};
    if (!options_.devices.empty()) {
      arguments.push_back("--device");
      arguments.push_back(options_.devices[i % options_.devices.size()]);
    }
    RETURN_IF_ERROR(
        Spawn(absl::StrCat("worker-", i), "hawser-worker", arguments));
  }
  return absl::OkStatus();
}

std::vector<std::string> LocalCluster::SchedulerArguments(
    const std::string& listen, const std::string& http_listen) const {
  std::vector<std::string> arguments = {
      "--listen",          listen,
      "--state-dir",       directory_ + "/state",
      "--port-file",       PortFile(),
      "--output-root",     options_.output_root,
      "--lease-ms",        absl::StrCat(options_.lease_ms),
      "--heartbeat-ms",    absl::StrCat(options_.heartbeat_ms),
      "--keep-ended-jobs", absl::StrCat(options_.keep_ended_jobs)};
  if (options_.dashboard) {
    arguments.insert(arguments.end(),
                     {"--http-listen", http_listen, "--http-port-file",
                      DashboardAddressFile(directory_)});
  }
  return arguments;
}

absl::Status LocalCluster::RestartScheduler() {
  ASSIGN_OR_RETURN(
      processes_.front().pid,
      StartProcess("scheduler", "hawser-scheduler",
                   SchedulerArguments(address_, std::string(absl::StripPrefix(
                                                    dashboard_, "http://")))));
  return absl::OkStatus();
}

absl::Status LocalCluster::Spawn(const std::string& name,
                                 const std::string& program,
                                 const std::vector<std::string>& arguments) {
  unlink(absl::StrCat(directory_, "/", name, ".log").c_str());
  ASSIGN_OR_RETURN(const pid_t pid, StartProcess(name, program, arguments));
  processes_.push_back({name, pid});
  return absl::OkStatus();
}

absl::StatusOr<pid_t> LocalCluster::StartProcess(
    const std::string& name, const std::string& program,
    const std::vector<std::string>& arguments) {
  const std::string path = ProgramBeside(program);
  std::vector<char*> argv = {const_cast<char*>(path.c_str())};
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  const FileDescriptor log(
      open(absl::StrCat(directory_, "/", name, ".log").c_str(),
           O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log.valid()) return SystemError("create", "a log file");
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return SystemError("start", program);
  if (pid == 0) Become(path, argv.data(), log.get(), parent);
  return pid;
}

absl::Status LocalCluster::AwaitScheduler(const std::string& port_file) {
  const absl::Time limit = absl::Now() + kStartLimit;
  while (absl::Now() < limit) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    RETURN_IF_ERROR(CheckAll());
    const auto address = ReadWholeFile(port_file, 4096);
    if (address.ok()) {
      address_ = *address;
      return absl::OkStatus();
    }
    absl::SleepFor(kPoll);
  }
  return absl::UnavailableError(
      absl::StrCat("the scheduler does not start; see ", directory_));
}

absl::Status LocalCluster::EndOf(const Process& process) const {
  return absl::InternalError(absl::StrCat(
      process.name, " has ended",
      WIFSIGNALED(process.status)
          ? absl::StrCat(" by signal ", WTERMSIG(process.status))
          : "",
      "; logs in ", directory_, ":",
      LastLines(absl::StrCat(directory_, "/", process.name, ".log"))));
}

void LocalCluster::Reap() {
  for (Process& process : processes_) {
    if (process.pid < 0) continue;
    if (waitpid(process.pid, &process.status, WNOHANG) == process.pid) {
      process.pid = -1;
    }
  }
}

absl::Status LocalCluster::CheckAll() {
  Reap();
  for (const Process& process : processes_) {
    if (process.pid < 0) return EndOf(process);
  }
  return absl::OkStatus();
}

absl::Status LocalCluster::CheckScheduler() {
  Reap();
  const Process& scheduler = processes_.front();
  return scheduler.pid < 0 ? EndOf(scheduler) : absl::OkStatus();
}

absl::Status LocalCluster::CheckForJob() {
  RETURN_IF_ERROR(CheckScheduler());
  const Process* last_ended = nullptr;
  bool has_worker = false;
  for (const Process& process : processes_) {
    if (process.pid < 0) {
      last_ended = &process;
      if (absl::StartsWith(process.name, "server") ||
          (WIFEXITED(process.status) && WEXITSTATUS(process.status) != 0)) {
        return EndOf(process);
      }
    } else {
      has_worker |= absl::StartsWith(process.name, "worker");
    }
  }
  if (last_ended == nullptr || has_worker) return absl::OkStatus();
  return EndOf(*last_ended);
}

void LocalCluster::StopAll() {
  // Members first, so that they can say good-bye to the scheduler.
  for (auto it = processes_.rbegin(); it != processes_.rend(); ++it) {
    if (it->pid > 0) kill(it->pid, SIGTERM);
  }
  const absl::Time limit = absl::Now() + kStopLimit;
  for (;;) {
    Reap();
    const bool any =
        std::any_of(processes_.begin(), processes_.end(),
                    [](const Process& process) { return process.pid > 0; });
    if (!any) return;
    if (absl::Now() > limit) break;
    absl::SleepFor(kPoll);
  }
  for (Process& process : processes_) {
    if (process.pid < 0) continue;
    kill(process.pid, SIGKILL);
    waitpid(process.pid, nullptr, 0);
    process.pid = -1;
  }
}

}  // namespace hawser
