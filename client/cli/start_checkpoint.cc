#include "client/cli/start_checkpoint.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/checkpoint/checkpoint_reader.h"
#include "common/source_directory.h"
#include "common/status_macros.h"

namespace hawser {
namespace {

// Steps that an error names.
constexpr size_t kMostNamed = 20;

struct Wanted {
  std::string name;
  std::optional<uint64_t> step;  // nothing: the newest
};

absl::StatusOr<Wanted> Parse(absl::string_view text) {
  Wanted wanted;
  const size_t at = text.find('@');
  wanted.name = std::string(text.substr(0, at));
  uint64_t step = 0;
  if (wanted.name.empty() || (at != absl::string_view::npos &&
                              !absl::SimpleAtoi(text.substr(at + 1), &step))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--from is \"", text, "\"; it must be NAME@STEP, e.g. mnist@400, or ",
        "NAME for the newest checkpoint"));
  }
  if (at != absl::string_view::npos) wanted.step = step;
  return wanted;
}

// steps: those there are, in order.
absl::StatusOr<uint64_t> Choose(const Wanted& wanted,
                                const std::vector<uint64_t>& steps) {
  if (steps.empty()) {
    return absl::NotFoundError(absl::StrCat(
        wanted.name, " has no committed checkpoint to start from"));
  }
  if (!wanted.step.has_value()) return steps.back();
  if (std::binary_search(steps.begin(), steps.end(), *wanted.step)) {
    return *wanted.step;
  }
  const size_t first = steps.size() - std::min(steps.size(), kMostNamed);
  return absl::NotFoundError(absl::StrCat(
      wanted.name, " has no checkpoint of step ", *wanted.step, "; there ",
      steps.size() == 1 ? "is " : "are ", first == 0 ? "" : "..., ",
      absl::StrJoin(steps.begin() + static_cast<std::ptrdiff_t>(first),
                    steps.end(), ", ")));
}

}  // namespace

absl::StatusOr<std::string> FindStartCheckpoint(absl::string_view text,
                                                SchedulerClient* scheduler) {
  ASSIGN_OR_RETURN(const Wanted wanted, Parse(text));
  GetJobRequest request;
  request.set_name(wanted.name);
  request.set_with_checkpoints(true);
  ASSIGN_OR_RETURN(const GetJobResponse response, scheduler->GetJob(request));
  std::vector<uint64_t> steps;
  for (const CheckpointStatus& each : response.status().checkpoints()) {
    steps.push_back(each.step());
  }
  ASSIGN_OR_RETURN(const uint64_t step, Choose(wanted, steps));
  return absl::StrCat(response.status().spec().checkpoint().directory(),
                      "/step-", step);
}

absl::StatusOr<std::string> FindStartCheckpoint(
    absl::string_view text, const std::string& output_root) {
  ASSIGN_OR_RETURN(const Wanted wanted, Parse(text));
  const auto steps =
      CommittedSteps(SourceDirectory::Beneath(output_root, wanted.name));
  if (absl::IsNotFound(steps.status())) {
    return absl::NotFoundError(absl::StrCat(
        "there is no ", output_root, "/", wanted.name,
        "; --from names a directory of checkpoints below --output-root"));
  }
  RETURN_IF_ERROR(steps.status());
  ASSIGN_OR_RETURN(const uint64_t step, Choose(wanted, *steps));
  return absl::StrCat(wanted.name, "/step-", step);
}

}  // namespace hawser
