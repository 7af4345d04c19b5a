#include "scheduler/state/drains.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace hawser {
namespace {

std::string WhyItStays(uint64_t node, const Job& job,
                       const Membership& membership) {
  if (job.HasWorker(node)) {
    return absl::StrCat("job ", job.name(), " has no other worker");
  }
  if (job.state() == FINISHING || job.state() == STARTING) {
    return absl::StrCat("job ", job.name(),
                        job.state() == FINISHING ? " ends" : " begins");
  }
  if (membership.ServersForWork() == 0) {
    return absl::StrCat("no other server is there for the blocks of job ",
                        job.name());
  }
  return absl::StrCat("blocks of job ", job.name(), " move");
}

}  // namespace

void DescribeDrain(uint64_t node, const std::vector<const Job*>& jobs,
                   const Membership& membership, NodeStatus* status) {
  if (!membership.IsDraining(node)) {
    status->set_state(SERVING);
    return;
  }
  status->set_state(jobs.empty() ? DRAINED : DRAINING);
  std::vector<std::string> reasons;
  for (const Job* job : jobs) {
    reasons.push_back(WhyItStays(node, *job, membership));
  }
  status->set_reason(absl::StrJoin(reasons, "; "));
}

}  // namespace hawser
