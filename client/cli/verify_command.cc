// hawser verify DIR: is a checkpoint, or are all of a directory, whole?
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/command_line.h"
#include "client/cli/describe_checkpoints.h"
#include "client/cli/exit_code.h"
#include "client/cli/interruption.h"
#include "common/checkpoint/checkpoint_reader.h"
#include "common/checkpoint/checkpoint_verifier.h"
#include "common/source_directory.h"
#include "common/status_macros.h"
#include "nlohmann/json.hpp"

namespace hawser {
namespace {

using Json = nlohmann::ordered_json;

// Itself, or those in it. NOT_FOUND: neither.
absl::StatusOr<std::vector<SourceDirectory>> CheckpointsIn(
    const std::string& path) {
  const SourceDirectory directory = SourceDirectory::Anywhere(path);
  if (directory.Open(kManifestFile).ok()) {
    return std::vector<SourceDirectory>{directory};
  }
  // Of none at all this says what was looked for.
  RETURN_IF_ERROR(FindCheckpoint(directory).status());
  ASSIGN_OR_RETURN(const std::vector<uint64_t> steps,
                   CommittedSteps(directory));
  std::vector<SourceDirectory> checkpoints;
  for (const uint64_t step : steps) {
    checkpoints.push_back(directory.Inside(absl::StrCat("step-", step)));
  }
  return checkpoints;
}

// A line that is written over, on a terminal alone.
class ProgressLine {
 public:
  void Show(const std::string& directory, uint64_t read, uint64_t of) {
    if (!is_terminal_ || of == 0) return;
    const auto percent =
        static_cast<int>(100 * (read / 1024) / (of / 1024 + 1));
    if (percent == shown_) return;
    shown_ = percent;
    std::fprintf(stderr, "\r%s: %d %% of %s\033[K", directory.c_str(), percent,
                 BytesText(of).c_str());
  }
  void Clear() {
    if (shown_ >= 0) std::fputs("\r\033[K", stderr);
    shown_ = -1;
  }

 private:
  const bool is_terminal_ = isatty(STDERR_FILENO) != 0;
  int shown_ = -1;
};

std::string Text(const CheckpointVerdict& verdict) {
  if (verdict.IsWhole()) {
    return absl::StrCat(verdict.directory, ": whole; job ", verdict.job,
                        ", step ", verdict.step, ", ", verdict.parameters,
                        " parameters, ", BytesText(verdict.bytes), "\n");
  }
  std::string text = absl::StrCat(verdict.directory, ": damaged\n");
  for (const FileVerdict& file : verdict.files) {
    if (file.problem.empty()) continue;
    absl::StrAppend(&text, "  ", file.path, ": ", file.problem, "\n");
  }
  return text;
}

Json ToJson(const CheckpointVerdict& verdict) {
  Json json = {{"directory", verdict.directory},
               {"whole", verdict.IsWhole()},
               {"job", verdict.job},
               {"step", verdict.step},
               {"parameters", verdict.parameters},
               {"bytes", verdict.bytes},
               {"files", Json::array()}};
  for (const FileVerdict& file : verdict.files) {
    json["files"].push_back({{"file", file.path}, {"problem", file.problem}});
  }
  return json;
}

int Verify(const CommandLine& line, const std::string& path) {
  const auto checkpoints = CheckpointsIn(path);
  if (!checkpoints.ok()) return Fail(checkpoints.status());
  CatchInterruptions();
  ProgressLine progress;
  bool all_whole = true;
  Json list = Json::array();
  for (const SourceDirectory& each : *checkpoints) {
    const CheckpointVerdict verdict =
        VerifyCheckpoint(each, [&](uint64_t read, uint64_t of) {
          progress.Show(each.path(), read, of);
        });
    progress.Clear();
    if (Interrupted()) return kInterrupted;
    all_whole = all_whole && verdict.IsWhole();
    if (line.json()) {
      list.push_back(ToJson(verdict));
    } else {
      Print(Text(verdict));
    }
  }
  if (line.json()) {
    PrintJson({{"whole", all_whole}, {"checkpoints", std::move(list)}});
  }
  return all_whole ? kDone : kJobFailed;
}

}  // namespace

void AddVerifyCommand(CommandLine* line) {
  auto path = std::make_shared<std::string>();
  CLI::App* verb = line->app.add_subcommand(
      "verify",
      "read a checkpoint, or all that are in a directory, and name each file "
      "that is damaged (exit code 1)");
  verb->add_option("DIR", *path,
                   "a checkpoint's directory (OUTPUT_ROOT/NAME/step-N), or a "
                   "job's (OUTPUT_ROOT/NAME)")
      ->required();
  verb->callback([line, path] {
    line->verb = [line, path] { return Verify(*line, *path); };
  });
}

}  // namespace hawser
