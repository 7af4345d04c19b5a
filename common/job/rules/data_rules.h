// What a data source must be, and its defaults.
#ifndef HAWSER_COMMON_JOB_RULES_DATA_RULES_H_
#define HAWSER_COMMON_JOB_RULES_DATA_RULES_H_

#include "absl/status/status.h"
#include "proto/job.pb.h"

namespace hawser {

// INVALID_ARGUMENT: see job_rules.h.
absl::Status CompleteData(DataSpec* data);

// Whether the samples are of the kind that the model reads.
absl::Status CheckDataSuits(const DataSpec& data, const ModelSpec& model);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_RULES_DATA_RULES_H_
