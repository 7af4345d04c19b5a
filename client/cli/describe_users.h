// The users of a `personalise` (job.proto) as people and programs read them.
//
// Pure functions.
#ifndef HAWSER_CLIENT_CLI_DESCRIBE_USERS_H_
#define HAWSER_CLIENT_CLI_DESCRIBE_USERS_H_

#include <string>
#include <vector>

#include "nlohmann/json_fwd.hpp"
#include "proto/scheduler.pb.h"

namespace hawser {

// The jobs of a job file with `personalise`, by its name, in order of
// acceptance.
std::vector<JobStatus> UsersOf(const std::string& name,
                               const ListJobsResponse& jobs);

// "alice succeeded: loss 2.3100 -> 1.9021, perplexity 10.07 -> 6.7".
std::string UserLine(const JobStatus& job);

// A line for each user, with loss and perplexity on the text that was held out,
// before and after, and how many are done.
std::string UserTable(const std::vector<JobStatus>& jobs);

nlohmann::ordered_json UsersToJson(const std::string& name,
                                   const std::vector<JobStatus>& jobs);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_DESCRIBE_USERS_H_
