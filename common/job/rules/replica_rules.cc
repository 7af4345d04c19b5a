#include "common/job/rules/replica_rules.h"

#include "common/job/rules/checks.h"

namespace hawser {

absl::Status CheckReplicas(const ResourcesSpec& resources) {
  if (resources.replicas() <= 1) return absl::OkStatus();
  if (resources.replicas() > 2) {
    return Broken("resources.replicas is ", resources.replicas(),
                  "; it must be 1 or 2");
  }
  if (resources.servers() < 2) {
    return Broken("resources.replicas is 2, which needs resources.servers of ",
                  "at least 2; it is ", resources.servers());
  }
  return absl::OkStatus();
}

}  // namespace hawser
