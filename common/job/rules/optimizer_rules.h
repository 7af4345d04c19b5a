// What an optimizer and a learning rate must be, and their defaults.
#ifndef HAWSER_COMMON_JOB_RULES_OPTIMIZER_RULES_H_
#define HAWSER_COMMON_JOB_RULES_OPTIMIZER_RULES_H_

#include "absl/status/status.h"
#include "proto/job.pb.h"

namespace hawser {

// INVALID_ARGUMENT: see job_rules.h.
absl::Status CompleteOptimizer(OptimizerSpec* optimizer);
absl::Status CompleteLearningRate(LearningRateSpec* rate);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_RULES_OPTIMIZER_RULES_H_
