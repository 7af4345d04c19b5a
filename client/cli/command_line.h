// What every verb of the `hawser` command shares: global flags, output, and the
// way to the scheduler.
#ifndef HAWSER_CLIENT_CLI_COMMAND_LINE_H_
#define HAWSER_CLIENT_CLI_COMMAND_LINE_H_

#include <functional>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "client/control/scheduler_client.h"
#include "common/security/security_flags.h"
#include "nlohmann/json_fwd.hpp"

namespace hawser {

class GrpcCaller;

struct CommandLine {
  CLI::App app{"hawser: data-parallel training with parameter servers",
               "hawser"};
  std::string scheduler;        // --scheduler; empty: see SchedulerAddress
  std::string output = "text";  // -o
  std::string state_directory;  // of the local cluster (up, down)
  SecurityFlags security;       // of the way to the scheduler

  // How calls are made; null: in plain text and without a token.
  std::shared_ptr<const GrpcCaller> caller;

  // The verb that was given; returns the exit code.
  std::function<int()> verb;

  bool json() const { return output == "json"; }
};

// Takes what the flags do not say from $HAWSER_TLS_DIR and $HAWSER_TOKEN_FILE,
// and looks at the files. NOT_FOUND, INVALID_ARGUMENT: of them.
absl::Status OpenCaller(CommandLine* line);

// --scheduler, else $HAWSER_SCHEDULER, else that of the local cluster started
// by `hawser up`, else 127.0.0.1:7070.
std::string SchedulerAddress(const CommandLine& line);
// By TLS and with the token that were given. The cluster of `hawser up` knows
// neither.
std::unique_ptr<SchedulerClient> ConnectToScheduler(const CommandLine& line);

// Where `up` keeps its cluster: --state-dir, else below $XDG_STATE_HOME or
// ~/.local/state.
std::string StateDirectory(const CommandLine& line);

// Says an error on stderr and returns its exit code.
int Fail(const absl::Status& status);
// To stderr; nothing if it is empty.
void Note(const std::string& text);
// Prints to stdout.
void Print(const std::string& text);
void PrintJson(const nlohmann::ordered_json& json);

// The verbs, a file a family.
void AddRunCommand(CommandLine* line);
void AddClusterCommands(CommandLine* line);  // up, down, nodes
void AddJobCommands(CommandLine* line);      // submit, jobs, job, watch, ...
void AddDrainCommand(CommandLine* line);
void AddSetCommand(CommandLine* line);
void AddCheckpointsCommand(CommandLine* line);
void AddVerifyCommand(CommandLine* line);
void AddExportCommand(CommandLine* line);
void AddGenerateCommand(CommandLine* line);
void AddEvalCommand(CommandLine* line);
void AddAuditCommand(CommandLine* line);
void AddTokenizerCommand(CommandLine* line);
void AddTraceCommand(CommandLine* line);
void AddCertsCommand(CommandLine* line);
void AddCompletionCommand(CommandLine* line);

}  // namespace hawser

#endif  // HAWSER_CLIENT_CLI_COMMAND_LINE_H_
