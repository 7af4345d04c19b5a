// The verb `hawser logs`: a job's own story, and what its members logged.
#ifndef HAWSER_CLIENT_CLI_LOGS_COMMAND_H_
#define HAWSER_CLIENT_CLI_LOGS_COMMAND_H_

#include "client/cli/command_line.h"

namespace hawser {

void AddLogsCommand(CommandLine* line);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_LOGS_COMMAND_H_
