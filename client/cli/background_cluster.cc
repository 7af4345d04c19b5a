#include "client/cli/background_cluster.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/interruption.h"
#include "client/control/grpc_scheduler_client.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(20);
constexpr absl::Duration kStartLimit = absl::Seconds(30);
constexpr absl::Duration kStopLimit = absl::Seconds(10);
// Until a scheduler that has ended is started again.
constexpr absl::Duration kRestartPause = absl::Seconds(2);
// One that has run for so long is fit to be started again.
constexpr absl::Duration kStays = absl::Minutes(1);
constexpr int kMaxStarts = 10;

std::string LockPath(const std::string& directory) {
  return directory + "/lock";
}

// The lock, or an invalid descriptor if somebody holds it.
absl::StatusOr<FileDescriptor> TryLock(const std::string& directory) {
  const std::string path = LockPath(directory);
  FileDescriptor lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!lock.valid()) return SystemError("open", path);
  if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) return FileDescriptor();
  return SystemError("lock", path);
}

absl::Status AwaitMembers(LocalCluster* cluster, uint32_t members) {
  const auto scheduler = MakeGrpcSchedulerClient(cluster->scheduler_address());
  const absl::Time limit = absl::Now() + kStartLimit;
  while (absl::Now() < limit) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    RETURN_IF_ERROR(cluster->CheckAll());
    const auto nodes = scheduler->ListNodes(ListNodesRequest());
    if (nodes.ok() && static_cast<uint32_t>(nodes->nodes_size()) >= members) {
      return absl::OkStatus();
    }
    absl::SleepFor(kPoll);
  }
  return absl::UnavailableError("the members do not register");
}

// Starts a scheduler that has ended again, unless somebody else does.
class SchedulerKeeper {
 public:
  explicit SchedulerKeeper(LocalCluster* cluster)
      : cluster_(cluster),
        client_(MakeGrpcSchedulerClient(cluster->scheduler_address())) {}

  // Called again and again. An error: it ends as soon as it is started.
  absl::Status Look() {
    const absl::Time now = absl::Now();
    if (now < look_at_) return absl::OkStatus();
    const absl::Status ended = cluster_->CheckScheduler();
    if (ended.ok()) {
      if (now > started_at_ + kStays) starts_ = 0;
      return absl::OkStatus();
    }
    const bool has_just_ended = look_at_ == absl::InfinitePast();
    look_at_ = now + kRestartPause;
    if (has_just_ended) {
      std::fprintf(stderr, "%s\n", std::string(ended.message()).c_str());
      return absl::OkStatus();
    }
    if (client_->GetVersion(GetVersionRequest()).ok()) return absl::OkStatus();
    if (++starts_ > kMaxStarts) return ended;
    std::fprintf(stderr, "the scheduler is started again\n");
    look_at_ = absl::InfinitePast();
    started_at_ = now;
    return cluster_->RestartScheduler();
  }

 private:
  LocalCluster* const cluster_;
  const std::unique_ptr<SchedulerClient> client_;
  int starts_ = 0;  // in a row
  absl::Time started_at_ = absl::InfinitePast();
  absl::Time look_at_ = absl::InfinitePast();
};

// The supervisor's life. Its output goes to supervisor.log.
absl::Status Supervise(const LocalCluster::Options& options) {
  const std::string address_file = options.state_directory + "/address";
  ASSIGN_OR_RETURN(const auto cluster, LocalCluster::Start(options));
  RETURN_IF_ERROR(
      AwaitMembers(cluster.get(), options.servers + options.workers));
  RETURN_IF_ERROR(WriteWholeFile(address_file, cluster->scheduler_address()));
  absl::Status status;
  SchedulerKeeper keeper(cluster.get());
  while (!Interrupted() && status.ok()) {
    absl::SleepFor(kPoll);
    status = keeper.Look();
  }
  unlink(address_file.c_str());
  return status;
}

[[noreturn]] void BecomeSupervisor(const LocalCluster::Options& options,
                                   const FileDescriptor& lock) {
  setsid();
  CatchInterruptions();
  const int null = open("/dev/null", O_RDONLY);
  const int log = open((options.state_directory + "/supervisor.log").c_str(),
                       O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
  dup2(null, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  const std::string pid = absl::StrCat(getpid());
  if (ftruncate(lock.get(), 0) != 0 ||
      write(lock.get(), pid.data(), pid.size()) < 0) {
    std::perror("cannot write the lock file");
  }
  const absl::Status status = Supervise(options);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  }
  std::fflush(stderr);
  _exit(status.ok() ? 0 : 1);
}

}  // namespace

absl::StatusOr<std::string> StartBackgroundCluster(
    const LocalCluster::Options& options) {
  const std::string& directory = options.state_directory;
  RETURN_IF_ERROR(MakeDirectories(directory));
  ASSIGN_OR_RETURN(const FileDescriptor lock, TryLock(directory));
  if (!lock.valid()) {
    return absl::AlreadyExistsError(absl::StrCat(
        "a local cluster runs already (", directory,
        "); stop it with `hawser down`, or name another --state-dir"));
  }
  unlink((directory + "/address").c_str());
  const pid_t supervisor = fork();
  if (supervisor < 0) return SystemError("start", "the supervisor");
  if (supervisor == 0) BecomeSupervisor(options, lock);
  const absl::Time limit = absl::Now() + 2 * kStartLimit;
  while (absl::Now() < limit) {
    int status = 0;
    if (waitpid(supervisor, &status, WNOHANG) == supervisor) {
      const auto said = ReadWholeFile(directory + "/supervisor.log", 1 << 20);
      return absl::InternalError(absl::StrCat(
          "the cluster did not start: ", said.ok() ? *said : "see its logs"));
    }
    const auto address = ReadWholeFile(directory + "/address", 4096);
    if (address.ok()) return *address;
    if (Interrupted()) {
      kill(supervisor, SIGTERM);
      waitpid(supervisor, nullptr, 0);
      return absl::CancelledError("interrupted; the cluster is stopped");
    }
    absl::SleepFor(kPoll);
  }
  kill(supervisor, SIGTERM);
  waitpid(supervisor, nullptr, 0);
  return absl::DeadlineExceededError("the cluster does not start");
}

absl::StatusOr<std::string> BackgroundClusterAddress(
    const std::string& directory) {
  // A reader of the lock does not hold it, so that `up` is not disturbed.
  const FileDescriptor lock(
      open(LockPath(directory).c_str(), O_RDONLY | O_CLOEXEC));
  if (!lock.valid()) return absl::NotFoundError("no local cluster");
  if (flock(lock.get(), LOCK_SH | LOCK_NB) == 0) {
    return absl::NotFoundError("no local cluster");
  }
  return ReadWholeFile(directory + "/address", 4096);
}

std::string BackgroundClusterDashboard(const std::string& directory) {
  const auto address = ReadWholeFile(DashboardAddressFile(directory), 4096);
  return address.ok() ? absl::StrCat("http://", *address) : "";
}

absl::Status StopBackgroundCluster(const std::string& directory) {
  const absl::Status none = absl::NotFoundError(
      absl::StrCat("no local cluster runs (", directory, ")"));
  const auto content = ReadWholeFile(LockPath(directory), 64);
  if (!content.ok()) return none;
  ASSIGN_OR_RETURN(const FileDescriptor lock, TryLock(directory));
  if (lock.valid()) return none;  // left by a supervisor that was killed
  int pid = 0;
  if (!absl::SimpleAtoi(*content, &pid) || pid <= 1) {
    return absl::DataLossError(
        absl::StrCat(LockPath(directory), " names no process"));
  }
  if (kill(pid, SIGTERM) != 0) return SystemError("stop", "the supervisor");
  const absl::Time limit = absl::Now() + kStopLimit;
  while (absl::Now() < limit) {
    ASSIGN_OR_RETURN(const FileDescriptor free, TryLock(directory));
    if (free.valid()) return absl::OkStatus();
    absl::SleepFor(kPoll);
  }
  return absl::DeadlineExceededError(
      absl::StrCat("the supervisor, process ", pid, ", does not stop"));
}

}  // namespace hawser
