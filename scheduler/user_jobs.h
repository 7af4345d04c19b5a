// How many jobs each user has that have not ended: one user cannot fill the
// queue of all. A user is the name of a token.
//
// Nothing of it is durable: jobs that were submitted before the scheduler has
// started are nobody's.
#ifndef HAWSER_SCHEDULER_USER_JOBS_H_
#define HAWSER_SCHEDULER_USER_JOBS_H_

#include <cstddef>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "common/security/role.h"
#include "proto/scheduler.pb.h"

namespace hawser {

// Not thread-safe.
class UserJobs {
 public:
  explicit UserJobs(size_t most) : most_(most) {}

  // Whether the user may submit the job now; all_jobs: those that are there,
  // ended or not. Without a user everybody may. RESOURCE_EXHAUSTED: it would
  // have more than `most` jobs that have not ended.
  absl::Status Check(const Identity* user, const JobSpec& job,
                     const ListJobsResponse& all_jobs);
  // It has been accepted.
  void Accepted(const Identity* user, const JobSpec& job);

 private:
  const size_t most_;
  // By the name of the job file: a `personalise` has one for all its jobs.
  std::map<std::string, std::string> owners_;
};

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_USER_JOBS_H_
