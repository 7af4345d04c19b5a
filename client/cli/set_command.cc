// hawser set NAME KEY=VALUE...: changes how a running job is synchronised.
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

absl::StatusOr<SynchronisationSpec> Set(const CommandLine& line,
                                        const SetFlags& flags) {
  ASSIGN_OR_RETURN(const ChangeJobRequest request, RequestOf(flags));
  ASSIGN_OR_RETURN(const ChangeJobResponse response,
                   ConnectToScheduler(line)->ChangeJob(request));
  return response.synchronisation();
}

int Act(const CommandLine& line, const SetFlags& flags) {
  const auto changed = Set(line, flags);
  if (!changed.ok()) return Fail(changed.status());
  if (line.json()) {
    PrintJson({{"name", flags.name},
               {"mode", UpdateMode_Name(changed->mode())},
               {"staleness", changed->staleness()},
               {"staleness_seconds", changed->staleness_seconds()},
               {"local_steps", changed->local_steps()},
               {"scale_by_staleness", changed->scale_by_staleness()}});
  } else {
    Print(absl::StrCat("job ", flags.name, " goes on with ",
                       changed->ShortDebugString(),
                       " from a step boundary soon\n"));
  }
  return kDone;
}

}  // namespace

void AddSetCommand(CommandLine* line) {
  auto flags = std::make_shared<SetFlags>();
  CLI::App* verb = line->app.add_subcommand(
      "set", "change how a running job is synchronised, at a step boundary");
  verb->add_option("NAME", flags->name, "name of the job")->required();
  verb->add_option("SETTING", flags->settings,
                   "mode=, staleness=, staleness_seconds=, local_steps= or "
                   "scale_by_staleness=")
      ->required();
  verb->callback([line, flags] {
    line->verb = [line, flags] { return Act(*line, *flags); };
  });
}

}  // namespace hawser
