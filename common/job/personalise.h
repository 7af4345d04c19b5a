// What a job file stands for: one job, or, with `personalise` (job.proto), a
// job for each user, which starts from the same model and reads that user's
// texts.
//
// The client knows the users, from a directory that the scheduler may not see,
// and puts them into the file; the scheduler makes the jobs of it, all or none,
// so that they are accepted whatever becomes of the client.
//
// Pure functions.
#ifndef HAWSER_COMMON_JOB_PERSONALISE_H_
#define HAWSER_COMMON_JOB_PERSONALISE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/job.pb.h"

namespace hawser {

// Most users of a job file.
inline constexpr int kMaxUsers = 1000;

// True: the spec is a job file with `personalise`, and not a user's job.
bool IsPersonalise(const JobSpec& spec);

// The completed jobs (see CompleteJob) that a job file stands for.
// INVALID_ARGUMENT: what is wrong, and with whom.
absl::StatusOr<std::vector<JobSpec>> JobsOf(const JobSpec& spec);

// True: both specs end with the same parameters, whatever cluster they ask for.
// Of completed jobs.
bool HaveSameResult(const JobSpec& one, const JobSpec& other);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_PERSONALISE_H_
