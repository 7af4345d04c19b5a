#include "client/cli/command_line.h"

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "client/cli/background_cluster.h"
#include "client/cli/exit_code.h"
#include "client/control/grpc_scheduler_client.h"
#include "common/grpc/grpc_caller.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

constexpr char kDefaultAddress[] = "127.0.0.1:7070";

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string StateDirectory(const CommandLine& line) {
  if (!line.state_directory.empty()) return line.state_directory;
  std::string base = Environment("XDG_STATE_HOME");
  if (base.empty()) base = Environment("HOME") + "/.local/state";
  return base + "/hawser/local";
}

std::string SchedulerAddress(const CommandLine& line) {
  if (!line.scheduler.empty()) return line.scheduler;
  const std::string from_environment = Environment("HAWSER_SCHEDULER");
  if (!from_environment.empty()) return from_environment;
  const auto local = BackgroundClusterAddress(StateDirectory(line));
  return local.ok() ? *local : kDefaultAddress;
}

absl::Status OpenCaller(CommandLine* line) {
  SecurityFlags& flags = line->security;
  if (flags.tls_directory.empty()) {
    flags.tls_directory = Environment("HAWSER_TLS_DIR");
  }
  if (flags.token_file.empty()) {
    flags.token_file = Environment("HAWSER_TOKEN_FILE");
  }
  ASSIGN_OR_RETURN(line->caller,
                   GrpcCaller::Open(flags.tls_directory, flags.token_file));
  return absl::OkStatus();
}

std::unique_ptr<SchedulerClient> ConnectToScheduler(const CommandLine& line) {
  const std::string address = SchedulerAddress(line);
  const auto local = BackgroundClusterAddress(StateDirectory(line));
  const bool is_local = local.ok() && *local == address;
  return MakeGrpcSchedulerClient(address, is_local ? nullptr : line.caller);
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "hawser: %s\n", std::string(status.message()).c_str());
  return ExitCodeOf(status);
}

void Note(const std::string& text) {
  if (text.empty()) return;
  std::fprintf(stderr, "hawser: note: %s\n", text.c_str());
}

void Print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

void PrintJson(const nlohmann::ordered_json& json) {
  Print(json.dump(2) + "\n");
}

}  // namespace hawser
