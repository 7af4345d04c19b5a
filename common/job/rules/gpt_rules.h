// What a GPT must be, and its defaults.
#ifndef HAWSER_COMMON_JOB_RULES_GPT_RULES_H_
#define HAWSER_COMMON_JOB_RULES_GPT_RULES_H_

#include "absl/status/status.h"
#include "proto/job.pb.h"

namespace hawser {

// INVALID_ARGUMENT: see job_rules.h.
absl::Status CompleteGpt(GptSpec* gpt);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_RULES_GPT_RULES_H_
