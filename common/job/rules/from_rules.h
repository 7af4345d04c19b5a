// What the source of a job's first parameters must be.
#ifndef HAWSER_COMMON_JOB_RULES_FROM_RULES_H_
#define HAWSER_COMMON_JOB_RULES_FROM_RULES_H_

#include "absl/status/status.h"
#include "proto/job.pb.h"

namespace hawser {

// Call when job.from is set and job.checkpoint is completed. INVALID_ARGUMENT:
// see job_rules.h.
absl::Status CheckFrom(const JobSpec& job);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_RULES_FROM_RULES_H_
