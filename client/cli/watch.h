// Follows a job until it ends.
#ifndef HAWSER_CLIENT_CLI_WATCH_H_
#define HAWSER_CLIENT_CLI_WATCH_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "client/control/scheduler_client.h"
#include "proto/scheduler.pb.h"

namespace hawser {

// Shows progress on stderr until the job has ended, and returns its last
// status. CANCELLED: interrupted. check: called between two looks; an error
// ends the watch.
absl::StatusOr<JobStatus> WatchJob(SchedulerClient* scheduler,
                                   const std::string& name,
                                   const std::function<absl::Status()>& check);

// Prints how it ended (Summary, or JSON) and returns the exit code.
int ReportEnd(const JobStatus& job, bool json);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_WATCH_H_
