// The checkpoints of a job as people and programs read them.
//
// Pure functions.
#ifndef HAWSER_CLIENT_CLI_DESCRIBE_CHECKPOINTS_H_
#define HAWSER_CLIENT_CLI_DESCRIBE_CHECKPOINTS_H_

#include <cstdint>
#include <string>

#include "nlohmann/json_fwd.hpp"
#include "proto/scheduler.pb.h"

namespace hawser {

// A table with a header line; below it what went wrong, if something did.
std::string CheckpointTable(const JobStatus& job);
nlohmann::ordered_json CheckpointsToJson(const JobStatus& job);

// "12 failed, 3 were skipped; checkpoint of step 40: ..."; empty: nothing did.
std::string CheckpointTroubleText(const JobStatus& job);

// "117.2 MiB".
std::string BytesText(uint64_t bytes);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_DESCRIBE_CHECKPOINTS_H_
