// What /metrics tells of the scheduler's state: jobs, members, leases. Every
// name is in docs/metrics.md.
#ifndef HAWSER_SCHEDULER_SCHEDULER_METRICS_H_
#define HAWSER_SCHEDULER_SCHEDULER_METRICS_H_

#include "absl/time/time.h"
#include "common/metrics/metric_families.h"
#include "scheduler/state/cluster_state.h"

namespace hawser {

// O(members + jobs). Of jobs that have not ended, the first
// MetricFamilies::kMaxJobs in order of acceptance have figures of their own.
void CollectStateMetrics(const ClusterState& state, absl::Time now,
                         MetricFamilies* families);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_SCHEDULER_METRICS_H_
