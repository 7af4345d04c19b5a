// The users of a `personalise` (job.proto), as the directory that it names has
// them.
#ifndef HAWSER_CLIENT_CLI_USER_DIRECTORY_H_
#define HAWSER_CLIENT_CLI_USER_DIRECTORY_H_

#include <filesystem>

#include "absl/status/status.h"
#include "proto/job.pb.h"

namespace hawser {

// Fills in personalise.names where a job file leaves them out, in order.
// data_root: what personalise.users is relative to. NOT_FOUND: there is no such
// directory here.
absl::Status FillInUsers(const std::filesystem::path& data_root, JobSpec* job);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_USER_DIRECTORY_H_
