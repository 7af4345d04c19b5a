// The verb `hawser health`.
#ifndef HAWSER_CLIENT_CLI_HEALTH_COMMAND_H_
#define HAWSER_CLIENT_CLI_HEALTH_COMMAND_H_

#include "client/cli/command_line.h"

namespace hawser {

void AddHealthCommand(CommandLine* line);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_HEALTH_COMMAND_H_
