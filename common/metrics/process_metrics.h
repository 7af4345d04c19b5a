// What a process costs: CPU time, memory, threads, open files, when it started;
// and of which role and version it is.
//
// Thread-safe: it reads /proc/self.
#ifndef HAWSER_COMMON_METRICS_PROCESS_METRICS_H_
#define HAWSER_COMMON_METRICS_PROCESS_METRICS_H_

#include <string>

#include "common/metrics/metric_families.h"

namespace hawser {

// role: "scheduler", "server", "worker". What the system does not tell is left
// out.
void CollectProcessMetrics(const std::string& role, MetricFamilies* families);

}  // namespace hawser

#endif  // HAWSER_COMMON_METRICS_PROCESS_METRICS_H_
