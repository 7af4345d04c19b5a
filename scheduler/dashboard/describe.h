// Jobs, members and events as the dashboard shows them (proto/dashboard.proto).
//
// Pure functions.
#ifndef HAWSER_SCHEDULER_DASHBOARD_DESCRIBE_H_
#define HAWSER_SCHEDULER_DASHBOARD_DESCRIBE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "proto/dashboard.pb.h"
#include "proto/scheduler.pb.h"
#include "scheduler/state/cluster_state.h"

namespace hawser {

// Most checkpoints of a job, and nodes of the cluster, that are shown.
inline constexpr int kMaxCheckpointsShown = 50;
inline constexpr int kMaxNodesShown = 500;

JobCard CardOf(const Job& job, absl::Time now);
JobDetail DetailOf(const ClusterState& state, const Job& job, absl::Time now);
MemberFigures MembersOf(const ClusterState& state, const Job& job,
                        absl::Time now);
TrainingPoint PointOf(const Job& job, const ProgressCurve::Point& point);
EpochPoint PointOf(const Job& job, const EpochMetrics& epoch);
NodeCard CardOf(const NodeStatus& node);

// Block numbers, rising: "0-3, 8".
std::string RangesText(const std::vector<uint32_t>& numbers);
// "bounded staleness 4, 8 local steps".
std::string SynchronisationText(const SynchronisationSpec& spec);
std::string ModelText(const ModelSpec& model);

}  // namespace hawser

#endif  // HAWSER_SCHEDULER_DASHBOARD_DESCRIBE_H_
