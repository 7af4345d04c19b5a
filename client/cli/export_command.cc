// hawser export NAME --to PATH: the model of a job's last checkpoint.
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/checkpoint/checkpoint_reader.h"
#include "client/cli/command_line.h"
#include "client/cli/exit_code.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

struct ExportFlags {
  std::string name;
  std::string from;
  std::string to;
};

absl::StatusOr<std::string> CheckpointDirectory(const CommandLine& line,
                                                const ExportFlags& flags) {
  if (!flags.from.empty()) return flags.from;
  GetJobRequest request;
  request.set_name(flags.name);
  ASSIGN_OR_RETURN(const GetJobResponse response,
                   ConnectToScheduler(line)->GetJob(request));
  if (response.status().output().empty()) {
    return absl::NotFoundError(
        absl::StrCat("job ", flags.name, " has no checkpoint yet"));
  }
  return response.status().output();
}

absl::StatusOr<std::string> TargetFile(const std::string& to) {
  if (absl::EndsWith(to, ".safetensors")) return to;
  RETURN_IF_ERROR(MakeDirectories(to));
  return to + "/model.safetensors";
}

absl::StatusOr<std::string> Export(const CommandLine& line,
                                   const ExportFlags& flags) {
  ASSIGN_OR_RETURN(const std::string directory,
                   CheckpointDirectory(line, flags));
  const auto checkpoint = ReadCheckpoint(directory);
  if (absl::IsNotFound(checkpoint.status())) {
    return absl::NotFoundError(absl::StrCat(
        checkpoint.status().message(),
        "; the checkpoint's directory must be reachable from here, or be "
        "named with --from"));
  }
  RETURN_IF_ERROR(checkpoint.status());
  ASSIGN_OR_RETURN(const std::string target, TargetFile(flags.to));
  RETURN_IF_ERROR(ExportModel(*checkpoint, target));
  return target;
}

}  // namespace

void AddExportCommand(CommandLine* line) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App* verb = line->app.add_subcommand(
      "export", "write the model of a job's last checkpoint as safetensors");
  auto* name = verb->add_option("NAME", flags->name, "name of the job");
  auto* from = verb->add_option(
      "--from", flags->from, "a checkpoint directory instead of a job's last");
  name->excludes(from);
  verb->add_option("--to", flags->to,
                   "a .safetensors file, or a directory for model.safetensors")
      ->required();
  verb->callback([line, flags] {
    if (flags->name.empty() && flags->from.empty()) {
      throw CLI::RequiredError("NAME or --from");
    }
    line->verb = [line, flags] {
      const auto target = Export(*line, *flags);
      if (!target.ok()) return static_cast<int>(Fail(target.status()));
      if (line->json()) {
        PrintJson({{"file", *target}});
      } else {
        Print(absl::StrCat("wrote ", *target, "\n"));
      }
      return static_cast<int>(kDone);
    };
  });
}

}  // namespace hawser
