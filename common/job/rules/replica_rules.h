// Rules of resources.replicas.
#ifndef HAWSER_COMMON_JOB_RULES_REPLICA_RULES_H_
#define HAWSER_COMMON_JOB_RULES_REPLICA_RULES_H_

#include "absl/status/status.h"
#include "proto/job.pb.h"

namespace hawser {

// INVALID_ARGUMENT: so many copies cannot be kept. Requires resources that are
// complete otherwise.
absl::Status CheckReplicas(const ResourcesSpec& resources);

}  // namespace hawser

#endif  // HAWSER_COMMON_JOB_RULES_REPLICA_RULES_H_
