// hawser: the command-line client.
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/command_line.h"
#include "client/cli/exit_code.h"
#include "client/cli/health_command.h"
#include "client/cli/logs_command.h"
#include "common/process_setup.h"
#include "common/version.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

int Main(int argc, char** argv) {
  SetUpConnections();
  CommandLine line;
  CLI::App& app = line.app;
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", kVersion);
  app.add_option("--scheduler", line.scheduler,
                 "address of the scheduler, or of several that stand by for "
                 "each other, with commas between (default: "
                 "$HAWSER_SCHEDULER, the "
                 "local cluster, 127.0.0.1:7070)");
  app.add_option("-o,--output", line.output, "text or json")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "json"}));
  app.add_option("--state-dir", line.state_directory,
                 "where `up` keeps its cluster (default: "
                 "~/.local/state/hawser/local)");
  AddCallerFlags(&app, &line.security);
  app.get_option("--tls-dir")
      ->description(
          "call by TLS; the directory has ca.crt, and tls.crt and tls.key to "
          "present (default: $HAWSER_TLS_DIR)");
  app.get_option("--token-file")
      ->description(
          "file with the token to call with (default: $HAWSER_TOKEN_FILE)");
  app.footer(
      "Exit codes: 0 done, 1 the job failed, 2 usage, 3 scheduler "
      "unreachable,\n4 not found, 5 refused, 6 timed out, 130 interrupted.");
  AddRunCommand(&line);
  AddClusterCommands(&line);
  AddJobCommands(&line);
  AddLogsCommand(&line);
  AddDrainCommand(&line);
  AddSetCommand(&line);
  AddCheckpointsCommand(&line);
  AddVerifyCommand(&line);
  AddExportCommand(&line);
  AddGenerateCommand(&line);
  AddEvalCommand(&line);
  AddAuditCommand(&line);
  AddTokenizerCommand(&line);
  AddTraceCommand(&line);
  AddCertsCommand(&line);
  AddHealthCommand(&line);
  app.add_subcommand("version", "print the version")->callback([&line] {
    line.verb = [&line] {
      if (line.json()) {
        PrintJson({{"version", kVersion}});
      } else {
        Print(absl::StrCat("hawser ", kVersion, "\n"));
      }
      return static_cast<int>(kDone);
    };
  });
  AddCompletionCommand(&line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  const absl::Status opened = OpenCaller(&line);
  if (!opened.ok()) {
    Fail(opened);
    return kUsage;
  }
  return line.verb();
}

}  // namespace
}  // namespace hawser

int main(int argc, char** argv) { return hawser::Main(argc, argv); }
