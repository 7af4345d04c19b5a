#include "common/job/rules/from_rules.h"

#include <filesystem>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "common/job/rules/checks.h"

namespace hawser {
namespace {

absl::Status CheckDirectory(absl::string_view field, const std::string& path) {
  if (path.empty()) return Broken(field, " is empty; it must be a directory");
  return CheckPath(field, path);
}

}  // namespace

std::string NormalDirectory(const std::string& path) {
  std::string normal =
      (std::filesystem::path(path) / "").lexically_normal().string();
  if (normal.size() > 1 && normal.back() == '/') normal.pop_back();
  return normal.empty() ? "." : normal;
}

bool StartsFromNewest(const FromSpec& from) {
  if (from.source_case() != FromSpec::kCheckpoint) return false;
  const std::string last =
      std::filesystem::path(NormalDirectory(from.checkpoint()))
          .filename()
          .string();
  uint64_t step = 0;
  absl::string_view name = last;
  return !absl::ConsumePrefix(&name, "step-") || !absl::SimpleAtoi(name, &step);
}

absl::Status CheckFrom(const JobSpec& job) {
  const std::string& checkpoint = job.from().checkpoint();
  switch (job.from().source_case()) {
    case FromSpec::kModel:
      return CheckDirectory("from.model", job.from().model());
    case FromSpec::kCheckpoint:
      // The newest one there would soon be the job's own.
      if (NormalDirectory(checkpoint) ==
          NormalDirectory(job.checkpoint().directory())) {
        return Broken("from.checkpoint is ", checkpoint,
                      ", where the job writes its own checkpoints; name a ",
                      "step (", checkpoint,
                      "/step-N) or set checkpoint.directory");
      }
      return CheckDirectory("from.checkpoint", checkpoint);
    case FromSpec::SOURCE_NOT_SET:
      break;
  }
  return Broken("from needs one of model and checkpoint");
}

}  // namespace hawser
