// Paths of a job file that are meant from the current directory.
#ifndef HAWSER_CLIENT_CLI_DATA_PATHS_H_
#define HAWSER_CLIENT_CLI_DATA_PATHS_H_

#include <filesystem>

#include "proto/job.pb.h"

namespace hawser {

// Makes every path that is below the data root absolute, as seen from
// `directory`: for a data root of "/".
void MakeDataPathsAbsolute(const std::filesystem::path& directory,
                           JobSpec* job);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_DATA_PATHS_H_
