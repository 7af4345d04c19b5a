// What the source of a job's first parameters must be.
#ifndef HAWSER_COMMON_JOB_RULES_FROM_RULES_H_
#define HAWSER_COMMON_JOB_RULES_FROM_RULES_H_

#include <string>

#include "absl/status/status.h"
#include "proto/job.pb.h"

namespace hawser {

// Call when job.from is set and job.checkpoint is completed. INVALID_ARGUMENT:
// see job_rules.h.
absl::Status CheckFrom(const JobSpec& job);

// "a/./b/" and "a/b" are both "a/b"; never empty.
std::string NormalDirectory(const std::string& path);

// True for a checkpoint that is not named by its step: servers look for the
// newest one in the directory.
bool StartsFromNewest(const FromSpec& from);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_RULES_FROM_RULES_H_
