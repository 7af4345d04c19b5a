// hawser set NAME KEY=VALUE... [--servers N]: changes how a running job is
// synchronised, and on how many servers it is.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/command_line.h"
#include "client/cli/exit_code.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"
#include "proto/scheduler.pb.h"

namespace hawser {
namespace {

struct SetFlags {
  std::string name;
  std::vector<std::string> settings;
  uint32_t servers = 0;  // 0: as it is
};

// Sets one field of the request; false: the value does not fit.
using Setter = std::function<bool(const std::string&, ChangeJobRequest*)>;

const std::map<std::string, Setter>& Setters() {
  static const auto* const setters = new std::map<std::string, Setter>{
      {"mode",
       [](const std::string& value, ChangeJobRequest* request) {
         UpdateMode mode = UPDATE_MODE_UNSPECIFIED;
         if (!UpdateMode_Parse(absl::AsciiStrToUpper(value), &mode) ||
             mode == UPDATE_MODE_UNSPECIFIED) {
           return false;
         }
         request->set_mode(mode);
         return true;
       }},
      {"staleness",
       [](const std::string& value, ChangeJobRequest* request) {
         uint32_t number = 0;
         if (!absl::SimpleAtoi(value, &number)) return false;
         request->set_staleness(number);
         return true;
       }},
      {"staleness_seconds",
       [](const std::string& value, ChangeJobRequest* request) {
         double number = 0;
         if (!absl::SimpleAtod(value, &number)) return false;
         request->set_staleness_seconds(number);
         return true;
       }},
      {"local_steps",
       [](const std::string& value, ChangeJobRequest* request) {
         uint32_t number = 0;
         if (!absl::SimpleAtoi(value, &number) || number == 0) return false;
         request->set_local_steps(number);
         return true;
       }},
      {"scale_by_staleness",
       [](const std::string& value, ChangeJobRequest* request) {
         bool scale = false;
         if (!absl::SimpleAtob(value, &scale)) return false;
         request->set_scale_by_staleness(scale);
         return true;
       }},
  };
  return *setters;
}

absl::StatusOr<ChangeJobRequest> RequestOf(const SetFlags& flags) {
  ChangeJobRequest request;
  request.set_name(flags.name);
  if (flags.servers != 0) request.set_servers(flags.servers);
  if (flags.settings.empty() && flags.servers == 0) {
    return absl::InvalidArgumentError(
        "there is nothing to set; write KEY=VALUE or --servers N");
  }
  for (const std::string& setting : flags.settings) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(setting, absl::MaxSplits('=', 1));
    const auto setter = Setters().find(parts.first);
    if (setter == Setters().end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", setting, "\": there is no ", parts.first,
                       " to set; write mode=, staleness=, staleness_seconds=, "
                       "local_steps= or scale_by_staleness="));
    }
    if (!setter->second(parts.second, &request)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", setting, "\": ", parts.first, " cannot be \"",
                       parts.second, "\""));
    }
  }
  return request;
}

absl::StatusOr<ChangeJobResponse> Set(const CommandLine& line,
                                      const SetFlags& flags) {
  ASSIGN_OR_RETURN(const ChangeJobRequest request, RequestOf(flags));
  return ConnectToScheduler(line)->ChangeJob(request);
}

std::string Text(const SetFlags& flags, const ChangeJobResponse& changed) {
  std::string text = absl::StrCat("job ", flags.name, " goes on");
  if (!flags.settings.empty()) {
    absl::StrAppend(&text, " with ",
                    changed.synchronisation().ShortDebugString());
  }
  if (flags.servers != 0) {
    absl::StrAppend(&text, " on ", changed.servers(), " servers");
  }
  return absl::StrCat(text, " from a step boundary soon\n");
}

int Act(const CommandLine& line, const SetFlags& flags) {
  const auto changed = Set(line, flags);
  if (!changed.ok()) return Fail(changed.status());
  const SynchronisationSpec& spec = changed->synchronisation();
  if (line.json()) {
    PrintJson({{"name", flags.name},
               {"mode", UpdateMode_Name(spec.mode())},
               {"staleness", spec.staleness()},
               {"staleness_seconds", spec.staleness_seconds()},
               {"local_steps", spec.local_steps()},
               {"scale_by_staleness", spec.scale_by_staleness()},
               {"servers", changed->servers()}});
  } else {
    Print(Text(flags, *changed));
  }
  return kDone;
}

}  // namespace

void AddSetCommand(CommandLine* line) {
  auto flags = std::make_shared<SetFlags>();
  CLI::App* verb = line->app.add_subcommand(
      "set",
      "change how a running job is synchronised, or on how many servers it is, "
      "at a step boundary");
  verb->add_option("NAME", flags->name, "name of the job")->required();
  verb->add_option("SETTING", flags->settings,
                   "mode=, staleness=, staleness_seconds=, local_steps= or "
                   "scale_by_staleness=");
  verb->add_option("--servers", flags->servers,
                   "have its blocks on so many servers, balanced")
      ->check(CLI::Range(1, 1000));
  verb->callback([line, flags] {
    line->verb = [line, flags] { return Act(*line, *flags); };
  });
}

}  // namespace hawser
