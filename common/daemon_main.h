// What the mains of all daemons have in common: a command line with --version,
// --config and --log-format, and how they end.
#ifndef HAWSER_COMMON_DAEMON_MAIN_H_
#define HAWSER_COMMON_DAEMON_MAIN_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace hawser {

class DaemonMain {
 public:
  // role: "server" of hawser-server. what: it does, for --help.
  DaemonMain(const std::string& role, const std::string& what);

  // To add the daemon's own.
  CLI::App* flags() { return &app_; }

  // Sets the process up, parses the command line and calls `run`. Returns the
  // exit code: 1 with `run`'s error on stderr, CLI11's for a command line that
  // cannot be read.
  int Run(int argc, char** argv, absl::FunctionRef<absl::Status()> run);

 private:
  const std::string role_;
  CLI::App app_;
  std::string log_format_ = "text";
};

// Of those that a scheduler coordinates.
void AddSchedulerFlag(std::string* scheduler, CLI::App* app);

}  // namespace hawser

#endif  // HAWSER_COMMON_DAEMON_MAIN_H_
