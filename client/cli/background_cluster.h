// The local cluster that stays: a supervisor process that is the parent of the
// daemons and holds a lock in the state directory while it lives. It starts a
// scheduler that has ended again after 2 s, at the same address, unless one
// answers there by then; workers and servers that have ended it does not.
//
// In the directory: `lock` (held: a cluster runs; its content is the
// supervisor's pid), `address` (of the scheduler, once everybody has
// registered), `dashboard.address` (if it has one), `supervisor.log` and the
// daemons' logs, `state` (the journal).
#ifndef HAWSER_CLIENT_CLI_BACKGROUND_CLUSTER_H_
#define HAWSER_CLIENT_CLI_BACKGROUND_CLUSTER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/local_cluster.h"

namespace hawser {

// Starts the supervisor and waits until the cluster is complete; returns the
// scheduler's address. ALREADY_EXISTS: one runs in this directory. Otherwise
// what a daemon said. Called before this process has threads.
absl::StatusOr<std::string> StartBackgroundCluster(
    const LocalCluster::Options& options);

// The scheduler's address of the cluster that runs in this directory.
// NOT_FOUND: none runs, whatever files are left.
absl::StatusOr<std::string> BackgroundClusterAddress(
    const std::string& directory);

// "http://127.0.0.1:PORT" of the cluster that was started there last; empty: it
// has no dashboard.
std::string BackgroundClusterDashboard(const std::string& directory);

// Stops it and waits until it is gone. NOT_FOUND: none runs.
absl::Status StopBackgroundCluster(const std::string& directory);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_BACKGROUND_CLUSTER_H_
