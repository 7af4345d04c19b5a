// Jobs and nodes as people and programs read them.
//
// Pure functions.
#ifndef HAWSER_CLIENT_CLI_DESCRIBE_H_
#define HAWSER_CLIENT_CLI_DESCRIBE_H_

#include <string>

#include "common/job/figures.h"
#include "nlohmann/json_fwd.hpp"
#include "proto/scheduler.pb.h"

namespace hawser {

// "running", "succeeded".
std::string StateName(JobState state);
bool IsFinal(JobState state);

// {"loss": ..., "samples": ..., "accuracy": ...}: what the figures have.
nlohmann::ordered_json ToJson(const Figures& figures);
nlohmann::ordered_json ToJson(const JobStatus& job);
nlohmann::ordered_json ToJson(const NodeStatus& node);

// Tables with a header line.
std::string JobTable(const ListJobsResponse& jobs);
std::string NodeTable(const ListNodesResponse& nodes);

// Everything about one job, in lines.
std::string JobText(const JobStatus& job);
// Which blocks each server holds.
std::string PlacementText(const JobStatus& job);

// "84.3k samples/s"; of a job that reads text, "84.3k tokens/s".
std::string SpeedText(const JobStatus& job);

// "1h02m", "3m20s", "4.2s".
std::string DurationText(double seconds);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_DESCRIBE_H_
