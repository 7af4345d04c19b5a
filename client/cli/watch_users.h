// Follows the users of a `personalise` (job.proto) until all have ended.
#ifndef HAWSER_CLIENT_CLI_WATCH_USERS_H_
#define HAWSER_CLIENT_CLI_WATCH_USERS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/control/scheduler_client.h"
#include "proto/scheduler.pb.h"

namespace hawser {

// The jobs of the job file of this name. NOT_FOUND: it is none with
// `personalise`, or is forgotten.
absl::StatusOr<std::vector<JobStatus>> FindUsers(SchedulerClient* scheduler,
                                                 const std::string& name);

// Shows on stderr who has ended, and returns all of them once they have.
// CANCELLED, check: see WatchJob. NOT_FOUND: see FindUsers.
absl::StatusOr<std::vector<JobStatus>> WatchUsers(
    SchedulerClient* scheduler, const std::string& name,
    const std::function<absl::Status()>& check);

// Prints them (UserTable, or JSON) and returns the exit code: 0 if all have
// succeeded.
int ReportUsers(const std::string& name, const std::vector<JobStatus>& jobs,
                bool json);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_WATCH_USERS_H_
