// hawser health: whether one daemon lives, or is ready; for probes and scripts.
#include "client/cli/health_command.h"

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/cli/exit_code.h"
#include "client/control/grpc_health_client.h"
#include "client/control/http_health_client.h"
#include "common/grpc/grpc_caller.h"
#include "common/security/tls_files.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

struct HealthFlags {
  std::string target;
  bool ready = false;
  double timeout_seconds = 5;
};

absl::StatusOr<HttpHealth> Ask(const CommandLine& line,
                               const HealthFlags& flags) {
  const absl::Duration timeout = absl::Seconds(flags.timeout_seconds);
  const std::string& directory = line.security.tls_directory;
  if (absl::StrContains(flags.target, "://")) {
    TlsFiles tls;
    if (!directory.empty()) {
      ASSIGN_OR_RETURN(tls, TlsFilesIn(directory));
    }
    return AskHttpHealth(flags.target, flags.ready ? "/readyz" : "/healthz",
                         timeout, tls);
  }
  const auto is_ready =
      AskGrpcHealth(flags.target, timeout,
                    line.caller == nullptr ? GrpcCaller() : *line.caller);
  if (!is_ready.ok()) return is_ready.status();
  // One that answers that it is not ready lives.
  return HttpHealth{*is_ready || !flags.ready,
                    *is_ready ? "ready" : "it lives, and is not ready"};
}

int Health(const CommandLine& line, const HealthFlags& flags) {
  const absl::StatusOr<HttpHealth> health = Ask(line, flags);
  if (!health.ok()) return Fail(health.status());
  if (line.json()) {
    PrintJson({{"target", flags.target},
               {flags.ready ? "ready" : "alive", health->is_good},
               {"text", health->text}});
  } else {
    Print(absl::StrCat(health->text, "\n"));
  }
  return health->is_good ? kDone : kJobFailed;
}

}  // namespace

void AddHealthCommand(CommandLine* line) {
  auto flags = std::make_shared<HealthFlags>();
  CLI::App* health = line->app.add_subcommand(
      "health", "ask a daemon whether it lives: exit code 0, 1 or 3");
  health
      ->add_option("TARGET", flags->target,
                   "HOST:PORT or unix:/path where a scheduler or server "
                   "listens, or http://HOST:PORT or https://HOST:PORT of any "
                   "daemon's --http-listen")
      ->required();
  health->add_flag("--ready", flags->ready, "ask whether it is ready for work");
  health->add_option("--timeout", flags->timeout_seconds, "seconds to wait")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 3600.0));
  health->callback([line, flags] {
    line->verb = [line, flags] { return Health(*line, *flags); };
  });
}

}  // namespace hawser
