// NAME@STEP, or NAME for the newest: the checkpoint that a job is to start
// from, as `--from` says it, found and told as JobSpec.from.checkpoint wants
// it.
#ifndef HAWSER_CLIENT_CLI_START_CHECKPOINT_H_
#define HAWSER_CLIENT_CLI_START_CHECKPOINT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/control/scheduler_client.h"

namespace hawser {

// Of a job that the scheduler knows. INVALID_ARGUMENT: not such a text.
// NOT_FOUND: no such job, or it has no such checkpoint; the message names the
// steps there are.
absl::StatusOr<std::string> FindStartCheckpoint(absl::string_view text,
                                                SchedulerClient* scheduler);

// Of a directory below the output root. The same errors.
absl::StatusOr<std::string> FindStartCheckpoint(absl::string_view text,
                                                const std::string& output_root);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_START_CHECKPOINT_H_
