// A cluster of real processes on this machine: a scheduler, servers and workers
// on loopback, children of this process. They die with it, whatever way it
// goes, and nothing of them is left: no process, port, socket or file.
#ifndef HAWSER_CLIENT_CLI_LOCAL_CLUSTER_H_
#define HAWSER_CLIENT_CLI_LOCAL_CLUSTER_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hawser {

// Where a cluster with this directory keeps its dashboard's HOST:PORT.
std::string DashboardAddressFile(const std::string& directory);

class LocalCluster {
 public:
  struct Options {
    uint32_t servers = 1;
    uint32_t workers = 1;
    // What workers compute on, in turn: see --device of hawser-worker. Empty:
    // CPUs.
    std::vector<std::string> devices;
    std::string listen = "127.0.0.1:0";  // of the scheduler
    uint32_t lease_ms = 5000;
    uint32_t heartbeat_ms = 1000;
    uint32_t keep_ended_jobs = 1000;
    std::string data_root = "/";
    std::string output_root = "hawser-output";
    // Journal and logs; empty: a temporary directory, removed in the end.
    std::string state_directory;
    bool keep_logs = false;  // even of a temporary directory
    bool dashboard = true;   // on loopback, at any free port
  };

  // Starts the processes; they find each other. Called before this process has
  // threads. UNAVAILABLE, with what it said: a process ended at once.
  // CANCELLED: interrupted.
  static absl::StatusOr<std::unique_ptr<LocalCluster>> Start(
      const Options& options);
  // Stops everything: SIGTERM, and SIGKILL for what is still there after 3 s.
  ~LocalCluster();

  const std::string& scheduler_address() const { return address_; }
  // "http://127.0.0.1:PORT"; empty: there is none.
  const std::string& dashboard() const { return dashboard_; }
  const std::string& log_directory() const { return directory_; }
  // Keeps the logs after the end, for somebody to read.
  void KeepLogs() { keep_ = true; }

  // Each says which process has ended, and what it said last.
  absl::Status CheckAll();        // any of them
  absl::Status CheckScheduler();  // the scheduler: others may come and go
  // Starts it again, where it was: its jobs and members find it.
  absl::Status RestartScheduler();
  // What a job cannot go on without: the scheduler, one worker, all servers
  // (there is no other to take the place of one that was lost); or a process
  // that ended with an error of its own.
  absl::Status CheckForJob();

 private:
  struct Process {
    std::string name;  // "worker-3"; its log is NAME.log
    pid_t pid = -1;    // -1: it has ended
    int status = 0;    // as waitpid has it, once ended
  };

  explicit LocalCluster(const Options& options) : options_(options) {}
  absl::Status StartAll();
  absl::Status Spawn(const std::string& name, const std::string& program,
                     const std::vector<std::string>& arguments);
  // Its output is added to its log.
  absl::StatusOr<pid_t> StartProcess(const std::string& name,
                                     const std::string& program,
                                     const std::vector<std::string>& arguments);
  // listen: where it listens.
  // http_listen: where its dashboard does.
  std::vector<std::string> SchedulerArguments(
      const std::string& listen, const std::string& http_listen) const;
  std::string PortFile() const { return directory_ + "/scheduler.address"; }
  absl::Status AwaitScheduler(const std::string& port_file);
  // Notes who has ended.
  void Reap();
  absl::Status EndOf(const Process& process) const;
  void StopAll();

  const Options options_;
  std::string directory_;
  bool temporary_ = false;
  bool keep_ = false;
  std::string address_;
  std::string dashboard_;
  std::vector<Process> processes_;  // the scheduler first
};

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_LOCAL_CLUSTER_H_
