#include "common/process_setup.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>

#include "absl/synchronization/mutex.h"
#include "common/freed_memory.h"
#include "glog/logging.h"

namespace hawser {
namespace {

constexpr rlim_t kMostOpenFiles = 65536;
// What is faulted in again is what has not been used for long: so seldom that
// nobody notices.
constexpr timespec kBetweenReturns = {.tv_sec = 60, .tv_nsec = 0};

// Each connection takes one. A system that refuses leaves it as it was.
void RaiseOpenFiles() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur =
      std::max(limit.rlim_cur, std::min(limit.rlim_max, kMostOpenFiles));
  setrlimit(RLIMIT_NOFILE, &limit);
}

sigset_t TerminationSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

void SetUpConnections() {
  // gRPC has no other way to set it.
  setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "100", /*replace=*/0);
}

void SetUpDaemon(const char* program) {
  SetUpConnections();
  RaiseOpenFiles();
  KeepFreedMemory();
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  FLAGS_logtostderr = true;
  google::InitGoogleLogging(program);
  std::signal(SIGPIPE, SIG_IGN);
  const sigset_t signals = TerminationSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

void WaitForTermination() {
  const sigset_t signals = TerminationSignals();
  int signal = -1;
  while (signal < 0) {
    signal = sigtimedwait(&signals, nullptr, &kBetweenReturns);
    if (signal < 0 && errno == EAGAIN) GiveBackFreedMemory();
  }
  LOG(INFO) << "stopping on signal " << signal;
}

bool IsTerminationPending() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGINT) == 1 ||
         sigismember(&pending, SIGTERM) == 1;
}

void RequestTermination() { kill(getpid(), SIGTERM); }

}  // namespace hawser
