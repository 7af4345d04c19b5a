// Rules of `personalise` in job.proto.
#ifndef HAWSER_COMMON_JOB_RULES_PERSONALISE_RULES_H_
#define HAWSER_COMMON_JOB_RULES_PERSONALISE_RULES_H_

#include <cstddef>

#include "absl/status/status.h"
#include "proto/job.pb.h"

namespace hawser {

// Characters of a user's part in a job's name; the rest is the job file's.
inline constexpr size_t kMaxUserPart = 32;

// Of a job file; what each user's job needs besides, CompleteJob says.
absl::Status CheckPersonaliseFile(const JobSpec& spec);

// Of the completed job of one user; fills in at_once.
absl::Status CompletePersonalise(JobSpec* job);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_RULES_PERSONALISE_RULES_H_
