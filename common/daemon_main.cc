#include "common/daemon_main.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "common/log/json_log.h"
#include "common/process_setup.h"
#include "common/thread_caches.h"
#include "common/version.h"

namespace hawser {

DaemonMain::DaemonMain(const std::string& role, const std::string& what)
    : role_(role), app_(absl::StrCat("hawser-", role, ": ", what)) {
  app_.set_version_flag("--version", kVersion);
  app_.set_config("--config", "", "read flags from this file (TOML or INI)");
  app_.add_option("--log-format", log_format_,
                  "text, or json: an object a line, with node, job and step "
                  "where they are known")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "json"}));
}

int DaemonMain::Run(int argc, char** argv,
                    absl::FunctionRef<absl::Status()> run) {
  LimitThreadCaches(argv);
  SetUpDaemon(argv[0]);
  CLI11_PARSE(app_, argc, argv);
  if (log_format_ == "json") LogJson(role_);
  const absl::Status status = run();
  if (status.ok()) return 0;
  std::fprintf(stderr, "hawser-%s: %s\n", role_.c_str(),
               std::string(status.message()).c_str());
  return 1;
}

void AddSchedulerFlag(std::string* scheduler, CLI::App* app) {
  app->add_option("--scheduler", *scheduler,
                  "address of the scheduler; several, with commas between, if "
                  "others stand by for it")
      ->capture_default_str();
}

}  // namespace hawser
