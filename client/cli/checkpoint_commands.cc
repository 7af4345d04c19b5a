// hawser checkpoints: those of a job, and why each is kept.
#include <memory>
#include <string>

#include "client/cli/command_line.h"
#include "client/cli/describe_checkpoints.h"
#include "client/cli/exit_code.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

int ShowCheckpoints(const CommandLine& line, const std::string& name) {
  GetJobRequest request;
  request.set_name(name);
  request.set_with_checkpoints(true);
  const auto response = ConnectToScheduler(line)->GetJob(request);
  if (!response.ok()) return Fail(response.status());
  if (line.json()) {
    PrintJson(CheckpointsToJson(response->status()));
  } else {
    Print(CheckpointTable(response->status()));
  }
  return kDone;
}

}  // namespace

void AddCheckpointsCommand(CommandLine* line) {
  auto name = std::make_shared<std::string>();
  CLI::App* verb = line->app.add_subcommand(
      "checkpoints", "list a job's checkpoints, and why each is kept");
  verb->add_option("NAME", *name, "name of the job")->required();
  verb->callback([line, name] {
    line->verb = [line, name] { return ShowCheckpoints(*line, *name); };
  });
}

}  // namespace hawser
