// hawser export NAME --to PATH: the model of a job's last checkpoint.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/command_line.h"
#include "client/cli/exit_code.h"
#include "client/export/model_export.h"
#include "common/checkpoint/checkpoint_reader.h"
#include "common/files.h"
#include "common/source_directory.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

constexpr char kFileEnding[] = ".safetensors";

struct ExportFlags {
  std::string name;
  std::string from;
  std::string to;
  std::string data_root;
};

struct Exported {
  std::string path;
  std::vector<std::string> notes;
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
  if (absl::EndsWith(to, kFileEnding)) return to;
  RETURN_IF_ERROR(MakeDirectories(to));
  return to + "/model.safetensors";
}

absl::StatusOr<Exported> Export(const CommandLine& line,
                                const ExportFlags& flags) {
  ASSIGN_OR_RETURN(const std::string directory,
                   CheckpointDirectory(line, flags));
  const auto found = FindCheckpoint(SourceDirectory::Anywhere(directory));
  if (absl::IsNotFound(found.status())) {
    return absl::NotFoundError(absl::StrCat(
        found.status().message(),
        "; the checkpoint's directory must be reachable from here, or be "
        "named with --from"));
  }
  RETURN_IF_ERROR(found.status());
  ASSIGN_OR_RETURN(const auto checkpoint, CheckpointReader::Open(*found));
  Exported exported;
  if (checkpoint->manifest().spec.model().has_gpt() &&
      !absl::EndsWith(flags.to, kFileEnding)) {
    exported.path = flags.to;
    ASSIGN_OR_RETURN(exported.notes, ExportDirectory(checkpoint.get(), flags.to,
                                                     flags.data_root));
    return exported;
  }
  ASSIGN_OR_RETURN(exported.path, TargetFile(flags.to));
  RETURN_IF_ERROR(ExportFile(checkpoint.get(), exported.path));
  return exported;
}

}  // namespace

void AddExportCommand(CommandLine* line) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App* verb = line->app.add_subcommand(
      "export", "write the model of a job's last checkpoint");
  auto* name = verb->add_option("NAME", flags->name, "name of the job");
  auto* from = verb->add_option(
      "--from", flags->from, "a checkpoint directory instead of a job's last");
  name->excludes(from);
  verb->add_option("--to", flags->to,
                   "a .safetensors file, or a directory: of a GPT, a new one "
                   "that transformers opens")
      ->required();
  verb->add_option("--data-root", flags->data_root,
                   "the tokenizer's files are below this directory");
  verb->callback([line, flags] {
    if (flags->name.empty() && flags->from.empty()) {
      throw CLI::RequiredError("NAME or --from");
    }
    line->verb = [line, flags] {
      const auto exported = Export(*line, *flags);
      if (!exported.ok()) return static_cast<int>(Fail(exported.status()));
      for (const std::string& note : exported->notes) {
        std::fprintf(stderr, "hawser: %s\n", note.c_str());
      }
      if (line->json()) {
        PrintJson({{"file", exported->path}});
      } else {
        Print(absl::StrCat("wrote ", exported->path, "\n"));
      }
      return static_cast<int>(kDone);
    };
  });
}

}  // namespace hawser
