// Rules of guards.
#ifndef HAWSER_COMMON_JOB_RULES_GUARD_RULES_H_
#define HAWSER_COMMON_JOB_RULES_GUARD_RULES_H_

#include "absl/status/status.h"
#include "proto/job.pb.h"

namespace hawser {

// Defaults in, or INVALID_ARGUMENT. How the job is synchronised and scheduled
// is complete.
absl::Status CompleteGuards(JobSpec* job);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_RULES_GUARD_RULES_H_
