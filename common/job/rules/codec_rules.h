// Rules of data_plane. docs/codecs.md says why.
#ifndef HAWSER_COMMON_JOB_RULES_CODEC_RULES_H_
#define HAWSER_COMMON_JOB_RULES_CODEC_RULES_H_

#include <string>

#include "absl/status/status.h"
#include "proto/job.pb.h"

namespace hawser {

// Defaults in, or INVALID_ARGUMENT. The rest of the job is complete.
absl::Status CompleteDataPlane(JobSpec* job);

// What the one who starts the job should know of its result; "": nothing.
std::string NoteOnCodecs(const JobSpec& job);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_RULES_CODEC_RULES_H_
