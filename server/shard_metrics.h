// What /metrics tells of a job's parameter shard. Every name is in
// docs/metrics.md.
#ifndef HAWSER_SERVER_SHARD_METRICS_H_
#define HAWSER_SERVER_SHARD_METRICS_H_

#include "common/metrics/metric_families.h"
#include "server/parameter_shard.h"

namespace hawser {

void CollectShardMetrics(const ParameterShard& shard, MetricFamilies* families);

}  // namespace hawser

#endif  // HAWSER_SERVER_SHARD_METRICS_H_
